import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { steeringOf } from "../../src/gateway/steering.ts";
import { createRandom } from "../support/random.ts";
import { thrownBy } from "../support/thrown-by.ts";

function read(headers: Record<string, string>): ReturnType<typeof steeringOf> {
  return steeringOf(
    new Headers(Object.entries(headers).map(([name, value]): [string, string] => [`x-orcestator-${name}`, value])),
  );
}

function refusalOf(headers: Record<string, string>): GatewayError {
  return thrownBy(() => read(headers));
}

const plain = { providers: [], strategy: undefined, timeoutMs: undefined, retries: undefined, priority: 0 };

describe("a request without steering headers", () => {
  test("steers nothing", () => expect(read({})).toBeUndefined());
  test("steers nothing with the gateway's other headers", () =>
    expect(read({ strict: "1", hops: "a", queue: "x" })).toBeUndefined());
});

describe("steering headers", () => {
  test("name providers in order, with any spaces", () =>
    expect(read({ provider: " a ,, b,c " })).toEqual({ ...plain, providers: ["a", "b", "c"] }));
  test("name a strategy in any case", () =>
    expect(read({ strategy: " Lowest_Latency " })).toEqual({ ...plain, strategy: "lowest_latency" }));
  test.each([
    ["30s", 30_000],
    ["1500ms", 1500],
    ["2m", 120_000],
    ["24h", 86_400_000],
  ])("name a time: %s", (timeout, timeoutMs) => expect(read({ timeout })).toEqual({ ...plain, timeoutMs }));
  test.each([
    ["0", 0],
    ["10", 10],
  ])("name a number of retries: %s", (text, retries) => expect(read({ retries: text })).toEqual({ ...plain, retries }));
  test.each([
    ["low", -1],
    ["Normal", 0],
    ["high", 1],
    ["7", 7],
    ["-100", -100],
  ])("name a place in queues: %s", (text, priority) =>
    expect(read({ priority: text })).toEqual({ ...plain, priority }),
  );
  test("of one kind leave the others as they are", () =>
    expect(read({ provider: "" })).toEqual({ ...plain, providers: [] }));
});

describe("a value that makes no sense is a 400 that names its header", () => {
  const wrong: Record<string, readonly string[]> = {
    strategy: ["fastest", "", "priority,random", "__proto__", "toString"],
    timeout: ["soon", "", "-1s", "0", "0s", "25h", "NaN", "Infinity"],
    retries: ["-1", "11", "1.5", "many", "", " ", "1e9", "NaN"],
    priority: ["urgent", "", "101", "-101", "0.5", "constructor"],
  };
  for (const [name, values] of Object.entries(wrong))
    test.each(values)(`${name}: '%s'`, (value) => {
      const error = refusalOf({ [name]: value });
      expect(error).toMatchObject({ code: "invalid_request", status: 400 });
      expect(error.message).toContain(`x-orcestator-${name}`);
    });
});

const words = ["1", "0", "-", ".", "s", "ms", "h", "low", "random", ",", " ", "e", "\u00ff", "x", "9"] as const;

function textOf(random: () => number): string {
  return Array.from({ length: random() * 5 }, () => words[Math.floor(random() * words.length)] ?? "").join("");
}

test("whatever is sent is understood or a 400, and never anything else", () => {
  const random = createRandom(7);
  for (let round = 0; round < 2000; round += 1) {
    const headers: Record<string, string> = {};
    for (const name of ["provider", "strategy", "timeout", "retries", "priority"])
      if (random() < 0.5) headers[name] = textOf(random);
    try {
      const steering = read(headers);
      if (steering === undefined) continue;
      expect(steering.timeoutMs ?? 1).toBeWithin(1, 86_400_001);
      expect(steering.retries ?? 0).toBeWithin(0, 11);
      expect(steering.priority).toBeWithin(-100, 101);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(GatewayError);
    }
  }
});
