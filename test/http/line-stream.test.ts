import { describe, expect, test } from "bun:test";
import { createLineStream, type LineStreamOptions } from "../../src/http/line-stream.ts";

type Tell = LineStreamOptions["tell"];

function streamOf(tell: Tell, changes: Partial<LineStreamOptions> = {}): ReadableStream<Uint8Array> {
  return createLineStream({
    tell,
    signal: new AbortController().signal,
    heartbeatMs: 60_000,
    mostWaiting: 1000,
    ...changes,
  });
}

/** Tells lines whenever the test does, until the stream wants no more. */
function createTeller() {
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  const { promise: ended, resolve: finish, reject: fail } = Promise.withResolvers<void>();
  let onLine: ((line: string) => void) | undefined;
  let signal: AbortSignal | undefined;
  const tell: Tell = (told) => {
    ({ onLine, signal } = told);
    signal.addEventListener("abort", () => finish());
    begin();
    return ended;
  };
  return { tell, began, finish, fail, say: (line: string) => onLine?.(line), isStopped: () => signal?.aborted };
}

async function readNext(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  return Buffer.from((await reader.read()).value ?? []).toString();
}

describe("lines", () => {
  test("come as events, in order, whole, and the stream ends after the last", async () => {
    const lines = Array.from({ length: 900 }, (_, index) => `line ${index} Grüße`);
    const stream = streamOf(({ onLine }) => {
      lines.forEach(onLine);
      return Promise.resolve();
    });
    expect(await new Response(stream).text()).toBe(lines.map((line) => `data: ${line}\n\n`).join(""));
  });

  test("come as soon as they are told", async () => {
    const teller = createTeller();
    const reader = streamOf(teller.tell).getReader();
    for (const line of ["first", "second"]) {
      const next = readNext(reader);
      await teller.began;
      teller.say(line);
      expect(await next).toBe(`data: ${line}\n\n`);
    }
    await reader.cancel();
  });

  test("end with the error where they cannot be told", async () => {
    const stream = streamOf(({ onLine }) => {
      onLine("first");
      return Promise.reject(new Error("the log cannot be read"));
    });
    const reader = stream.getReader();
    expect(await readNext(reader)).toBe("data: first\n\n");
    expect(reader.read()).rejects.toThrow("the log cannot be read");
  });
});

test("silence brings a comment at every heart-beat", async () => {
  const teller = createTeller();
  const reader = streamOf(teller.tell, { heartbeatMs: 10 }).getReader();
  expect(await readNext(reader)).toBe(": ping\n\n");
  expect(await readNext(reader)).toBe(": ping\n\n");
  await reader.cancel();
});

test("a reader that falls too far behind is let go, and the telling stops", async () => {
  const teller = createTeller();
  const reader = streamOf(teller.tell, { mostWaiting: 10 }).getReader();
  const first = readNext(reader);
  await teller.began;
  teller.say("first");
  await first;
  for (let index = 0; index < 12; index += 1) teller.say("more");
  expect(teller.isStopped()).toBe(true);
  const readAll = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  expect(readAll()).rejects.toThrow("10 lines behind");
});

test("a reader that leaves stops the telling, without an error", async () => {
  const teller = createTeller();
  const reader = streamOf(teller.tell).getReader();
  const pending = reader.read();
  await teller.began;
  await reader.cancel();
  expect((await pending).done).toBe(true);
  expect(teller.isStopped()).toBe(true);
  teller.say("to nobody");
});

test("the signal ends the stream", async () => {
  const teller = createTeller();
  const controller = new AbortController();
  const reader = streamOf(teller.tell, { signal: controller.signal }).getReader();
  const pending = reader.read();
  await teller.began;
  controller.abort();
  expect((await pending).done).toBe(true);
});

test("nothing is told before somebody reads", () => {
  let isTold = false;
  const stream = streamOf(() => {
    isTold = true;
    return Promise.resolve();
  });
  expect([isTold, stream.locked]).toEqual([false, false]);
});
