import { describe, expect, test } from "bun:test";
import { createRefusalLog, type Refusal } from "../../src/telemetry/refusal-log.ts";

const refusal: Refusal = {
  status: 401,
  code: "invalid_api_key",
  message: "The key is not known here.",
  method: "POST",
  path: "/v1/chat/completions",
  address: "192.168.1.7",
};

function createRig(most?: number) {
  const lines: string[] = [];
  const rings: (() => void)[] = [];
  const delays: number[] = [];
  const log = createRefusalLog({
    write: (line) => void lines.push(line),
    after(milliseconds, ring) {
      delays.push(milliseconds);
      rings.push(ring);
    },
    ...(most === undefined ? {} : { most }),
  });
  return { log, lines, delays, endSecond: () => rings.shift()?.() };
}

describe("a refusal's line", () => {
  test("says what was refused, to whom and why", () => {
    const { log, lines } = createRig();
    log(refusal);
    expect(lines).toEqual([
      "401 POST /v1/chat/completions · from 192.168.1.7 · invalid_api_key: The key is not known here.",
    ]);
  });

  test("stays one line, of bounded length, whatever a client sends", () => {
    const { log, lines } = createRig();
    const nasty = `\u001b[2J\n\u202e${"x".repeat(10_000)}`;
    log({ ...refusal, method: nasty, path: nasty, message: nasty, address: undefined });
    expect(lines[0]).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(lines[0]?.length).toBeLessThan(600);
    expect(lines[0]).toContain("from an unknown address");
  });
});

describe("of many refusals in a second", () => {
  test("the first ten are written and the rest are counted by status", () => {
    const { log, lines, delays, endSecond } = createRig();
    for (let index = 0; index < 12; index += 1) log(refusal);
    for (let index = 0; index < 3; index += 1) log({ ...refusal, status: 404 });
    expect(lines).toHaveLength(10);
    endSecond();
    expect(lines.slice(10)).toEqual(["5 more requests were refused within a second (404: 3, 401: 2)"]);
    expect(delays).toEqual([1000]);
  });

  test("none is counted twice, and the next second begins anew", () => {
    const { log, lines, endSecond } = createRig(1);
    log(refusal);
    log(refusal);
    endSecond();
    log(refusal);
    endSecond();
    expect(lines.filter((line) => line.includes("more requests"))).toHaveLength(1);
    expect(lines).toHaveLength(3);
  });

  test("a quiet second writes nothing and sets no alarm", () => {
    const { log, lines, delays, endSecond } = createRig();
    log(refusal);
    endSecond();
    expect([lines.length, delays.length]).toEqual([1, 1]);
  });
});
