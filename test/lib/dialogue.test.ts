import { expect, test } from "bun:test";
import { createDialogue, type Dialogue } from "../../src/lib/dialogue.ts";

interface Left {
  tells: { news: string };
  asks: { half: { question: number; answer: number }; never: { question: null; answer: null } };
}
interface Right {
  tells: { news: string };
  asks: object;
}

/** What a promise is rejected with, for people. */
function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => "it was not rejected", String);
}

function pair() {
  const rings: (() => void)[] = [];
  const heard: string[] = [];
  const batches: unknown[] = [];
  const after = (_milliseconds: number, ring: () => void) => {
    rings.push(ring);
    return () => void rings.splice(rings.indexOf(ring), 1);
  };
  const left: Dialogue<Left> = createDialogue<Left, Right>({
    send(batch) {
      batches.push(batch);
      right.receive(structuredClone(batch));
    },
    hears: { news: (text) => heard.push(`left: ${text}`) },
    answers: {},
    after,
  });
  const right: Dialogue<Right> = createDialogue<Right, Left>({
    send: (batch) => left.receive(structuredClone(batch)),
    hears: { news: (text) => heard.push(`right: ${text}`) },
    answers: {
      half(number) {
        if (number % 2 === 1) throw new Error(`${number} is odd`);
        return number / 2;
      },
      never: () => new Promise<null>(() => undefined),
    },
    after,
  });
  return { left, right, rings, heard, batches };
}

test("what is said in one turn goes as one batch, in order, and each question gets its own answer", async () => {
  const { left, heard, batches } = pair();
  left.tell("news", "one");
  const answers = [left.ask("half", 10), left.ask("half", 4)];
  left.tell("news", "two");
  expect(await Promise.all(answers)).toEqual([5, 2]);
  expect(heard).toEqual(["right: one", "right: two"]);
  expect(batches).toHaveLength(1);
});

test("both ends may speak", async () => {
  const { left, right, heard } = pair();
  right.tell("news", "from the right");
  await left.ask("half", 2);
  expect(heard).toEqual(["left: from the right"]);
});

test("a question that the other end fails at is rejected with its words", async () => {
  const { left } = pair();
  expect(await failureOf(left.ask("half", 3))).toContain("3 is odd");
});

test("a question is given up when its time is over, and its late answer is nobody's", async () => {
  const { left, rings } = pair();
  const question = left.ask("never", null, { timeoutMs: 50 });
  rings[0]?.();
  expect(await failureOf(question)).toContain("no answer to 'never' within 50 ms");
  expect(rings).toEqual([]);
});

test("nobody waits for an end that is gone", async () => {
  const { left, batches } = pair();
  const question = left.ask("never", null);
  left.end();
  expect(await failureOf(question)).toContain("gone");
  expect(await failureOf(left.ask("half", 2))).toContain("gone");
  left.tell("news", "too late");
  await Promise.resolve();
  expect(batches).toEqual([]);
});

test("an end that cannot be sent to is gone", async () => {
  const broken = createDialogue<Left, Right>({
    send() {
      throw new Error("EPIPE");
    },
    hears: { news: () => undefined },
    answers: {},
    after: () => () => undefined,
  });
  expect(await failureOf(broken.ask("half", 2))).toContain("gone");
});
