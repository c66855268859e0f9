import { expect, test } from "bun:test";
import { createLoginThrottle } from "../../../src/admin/identity/login-throttle.ts";
import { createSharedLoginThrottle } from "../../../src/admin/identity/shared-login-throttle.ts";
import { createMemoryCoordination } from "../../../src/coordination/memory/memory-coordination.ts";
import { GatewayError } from "../../../src/errors.ts";
import { mayGo } from "../../limits/shared-world.ts";

const minute = 60_000;

/** Gateways that count together, with one clock. */
function createWorld() {
  let time = 30_000_000 * minute;
  const now = () => time;
  const meeting = createMemoryCoordination({ now });
  function join() {
    const link = mayGo(meeting.join());
    const own = createLoginThrottle(now);
    return { ...link, logins: createSharedLoginThrottle({ own, coordinator: link.coordinator, now }) };
  }
  return { pass: (milliseconds: number) => void (time += milliseconds), first: join(), second: join() };
}

type Member = ReturnType<typeof createWorld>["first"];

/** Seconds to wait, 0 = the attempt was made, and failed or not. */
async function waitOf({ logins }: Member, account: string, address: string, isGood = false): Promise<number> {
  try {
    const attempt = await logins.begin(account, address);
    if (isGood) attempt.succeeded();
    // What is given back is told without waiting.
    await Promise.resolve();
    return 0;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    expect(error.status).toBe(429);
    return error.retryAfterSeconds ?? -1;
  }
}

test("two gateways let through no more tries than one, then one a minute", async () => {
  const { first, second, pass } = createWorld();
  const made = async (): Promise<number> => {
    const waits = await Promise.all(
      Array.from({ length: 20 }, (_, at) => waitOf(at % 2 === 0 ? first : second, "ann", "10.0.0.1")),
    );
    return waits.filter((wait) => wait === 0).length;
  };
  expect(await made()).toBe(6);
  pass(minute / 2);
  expect(await waitOf(first, "ann", "10.0.0.1")).toBe(30);
  for (let count = 0; count < 10; count += 1) {
    pass(minute);
    expect(await made()).toBe(1);
  }
});

test("whoever is refused is not made to wait longer for it, and nobody else is", async () => {
  const { first, second } = createWorld();
  for (let count = 0; count < 6; count += 1) await waitOf(first, "bob", "10.0.1.1");
  for (let count = 0; count < 200; count += 1) expect(await waitOf(second, "bob", "10.0.1.1")).toBe(60);
  expect(await waitOf(second, "bob", "10.0.2.1")).toBe(0);
  expect(await waitOf(second, "eve", "10.0.1.1")).toBe(0);
});

test("a network that tries many names is slowed down wherever they come in", async () => {
  const { first, second } = createWorld();
  const waits: number[] = [];
  for (let count = 0; count < 60; count += 1)
    waits.push(await waitOf(count % 2 === 0 ? first : second, `name-${count}`, "10.3.0.1"));
  expect(waits.filter((wait) => wait === 0)).toHaveLength(21);
  expect(Math.max(...waits)).toBeLessThanOrEqual(300);
});

test("an attempt that succeeds is given back, and failures are forgotten after a quarter of an hour", async () => {
  const { first, second, pass } = createWorld();
  for (let count = 0; count < 50; count += 1)
    expect(await waitOf(count % 2 === 0 ? first : second, "cy", "10.4.0.1", true)).toBe(0);
  for (let count = 0; count < 6; count += 1)
    expect(await waitOf(count % 2 === 0 ? first : second, "cy", "10.4.0.1")).toBe(0);
  expect(await waitOf(first, "cy", "10.4.0.1")).toBeGreaterThan(0);
  pass(15 * minute + 1);
  for (let count = 0; count < 6; count += 1)
    expect(await waitOf(count % 2 === 0 ? first : second, "cy", "10.4.0.1")).toBe(0);
});

test("while the others cannot be reached each counts by itself", async () => {
  const { first, second } = createWorld();
  first.go();
  second.go();
  const waits: number[] = [];
  for (let count = 0; count < 20; count += 1)
    waits.push(await waitOf(count % 2 === 0 ? first : second, "di", "10.5.0.1"));
  expect(waits.filter((wait) => wait === 0)).toHaveLength(12);
  expect(Math.max(...waits)).toBe(1);
});

test("an answer that is lost lets the attempt through, and it counts", async () => {
  const { first, second } = createWorld();
  first.loseAnswers();
  expect(await waitOf(first, "ed", "10.6.0.1")).toBe(0);
  for (let count = 0; count < 5; count += 1) expect(await waitOf(second, "ed", "10.6.0.1")).toBe(0);
  expect(await waitOf(second, "ed", "10.6.0.1")).toBeGreaterThan(0);
});
