import { expect, test } from "bun:test";
import { createSilenceWatch } from "../../../src/runtime/workers/silence-watch.ts";

interface Asked {
  answer(text: string): Promise<void>;
  fail(): Promise<void>;
}

function watch(looks: number) {
  const asked: Asked[] = [];
  const heard: string[] = [];
  let silences = 0;
  const watched = createSilenceWatch<string>({
    ask() {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const settled = async (): Promise<void> => {
        await promise.catch(() => undefined);
        await Bun.sleep(0);
      };
      asked.push({
        answer: (text) => (resolve(text), settled()),
        fail: () => (reject(new Error("gone")), settled()),
      });
      return promise;
    },
    onAnswer: (text) => heard.push(text),
    onSilent: () => void (silences += 1),
    looks,
  });
  const look = (times: number): void => {
    for (let count = 0; count < times; count += 1) watched.look();
  };
  return { asked, heard, look, silences: () => silences };
}

test("who leaves one question open for so many looks is silent, and is told once", () => {
  const { asked, look, silences } = watch(3);
  look(3);
  expect([asked.length, silences()]).toEqual([1, 0]);
  look(1);
  expect(silences()).toBe(1);
  look(5);
  expect([asked.length, silences()]).toEqual([1, 1]);
});

test("a late answer is an answer: the count begins anew", async () => {
  const { asked, heard, look, silences } = watch(3);
  look(3);
  await asked[0]?.answer("late");
  look(3);
  await asked[1]?.answer("late again");
  look(3);
  expect([asked.length, silences(), heard]).toEqual([3, 0, ["late", "late again"]]);
});

test("who fails at a question is not silent", async () => {
  const { asked, look, silences } = watch(2);
  for (let count = 0; count < 5; count += 1) {
    look(1);
    await asked.at(-1)?.fail();
  }
  expect([asked.length, silences()]).toEqual([5, 0]);
});
