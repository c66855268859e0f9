import { expect, test } from "bun:test";
import { createLoginThrottle } from "../../../src/admin/identity/login-throttle.ts";
import { GatewayError } from "../../../src/errors.ts";

let now = 1_000_000;
const throttle = () => createLoginThrottle(() => now);

/** Seconds to wait, 0 = the attempt may be made. */
function waitOf(attempt: () => unknown): number {
  try {
    attempt();
    return 0;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    expect(error.status).toBe(429);
    return error.retryAfterSeconds ?? -1;
  }
}

/** Waits of attempts that are each made as soon as may be, one from each address that is named. */
function waitsOf(logins: ReturnType<typeof throttle>, addresses: readonly string[]): number[] {
  return addresses.map((address) => {
    const wait = waitOf(() => logins.begin("ann", address));
    now += wait * 1000;
    if (wait > 0) logins.begin("ann", address);
    return wait;
  });
}

test("each failure after the fifth makes the next wait twice as long, up to a minute", () => {
  const waits = waitsOf(
    throttle(),
    Array.from({ length: 14 }, () => "10.0.0.1"),
  );
  expect(waits).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
});

test("attempts at the same moment gain nothing: each counts before it is known how it ends", () => {
  const logins = throttle();
  const waits = Array.from({ length: 50 }, () => waitOf(() => logins.begin("bob", "10.2.0.1")));
  expect(waits.filter((wait) => wait === 0)).toHaveLength(6);
  const many = Array.from({ length: 200 }, (_, index) => waitOf(() => logins.begin("bea", `10.2.${index}.1`)));
  expect(many.filter((wait) => wait === 0)).toHaveLength(101);
});

test("a stranger who fails does not shut out the owner of an account, and many strangers only for seconds", () => {
  const logins = throttle();
  for (let count = 0; count < 6; count += 1) logins.begin("ann", "10.8.0.1");
  expect(waitOf(() => logins.begin("ann", "10.8.0.1"))).toBe(1);
  expect(waitOf(() => logins.begin("ann", "10.8.0.2").succeeded())).toBe(0);
  const strangers = Array.from({ length: 120 }, (_, index) => `10.9.${index}.1`);
  const waits = waitsOf(logins, strangers);
  expect(waits.slice(0, 95)).toEqual(Array(95).fill(0));
  expect(waits.slice(-10)).toEqual(Array(10).fill(10));
  expect(waitOf(() => logins.begin("ann", "10.8.0.2"))).toBe(10);
  expect(waitOf(() => logins.begin("bob", "10.8.0.2"))).toBe(0);
});

test("a network that tries many names is slowed down, all of an IPv6 network together", () => {
  for (const address of [() => "10.3.0.1", (index: number) => `2001:db8::${index.toString(16)}`]) {
    const logins = throttle();
    const waits = Array.from({ length: 60 }, (_, index) => waitOf(() => logins.begin(`name-${index}`, address(index))));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(21);
    expect(waitOf(() => logins.begin("another", "10.4.0.1"))).toBe(0);
  }
});

test("whoever is refused is not made to wait longer for it", () => {
  const logins = throttle();
  for (let count = 0; count < 6; count += 1) logins.begin("cy", "10.5.0.1");
  for (let count = 0; count < 100; count += 1) expect(waitOf(() => logins.begin("cy", "10.5.0.1"))).toBe(1);
});

test("a success clears the account for its network, and takes its own attempt off the network, no more", () => {
  const logins = throttle();
  for (let count = 0; count < 5; count += 1) logins.begin("di", "10.6.0.1");
  logins.begin("di", "10.6.0.1").succeeded();
  for (let count = 0; count < 16; count += 1) expect(waitOf(() => logins.begin(`x-${count}`, "10.6.0.1"))).toBe(0);
  expect(waitOf(() => logins.begin("y", "10.6.0.1"))).toBe(1);
});

test("what was a quarter of an hour ago is forgotten", () => {
  const logins = throttle();
  for (let count = 0; count < 6; count += 1) logins.begin("ed", undefined);
  now += 15 * 60_000 + 1;
  for (let count = 0; count < 6; count += 1) expect(waitOf(() => logins.begin("ed", undefined))).toBe(0);
});

test("no number of names makes it grow without end", () => {
  const logins = throttle();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 40_000; index += 1)
    logins.begin(`name-${index}`, `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
  Bun.gc(true);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
});
