import { expect, test } from "bun:test";
import { createLoginThrottle, type LoginThrottle } from "../../../src/admin/identity/login-throttle.ts";
import { createSharedLoginThrottle } from "../../../src/admin/identity/shared-login-throttle.ts";
import { createMemoryCoordination } from "../../../src/coordination/memory/memory-coordination.ts";
import { GatewayError } from "../../../src/errors.ts";
import { mayGo } from "../../limits/shared-world.ts";

const minute = 60_000;

/** Gateways that count together, and one that is alone, with one clock; the second one's may be ahead of it. */
function createWorld({ aheadMs = 0 } = {}) {
  let time = 30_000_000 * minute;
  const now = () => time;
  const meeting = createMemoryCoordination({ now });
  function join(clock: () => number) {
    const link = mayGo(meeting.join());
    const own = createLoginThrottle(clock);
    return { ...link, logins: createSharedLoginThrottle({ own, coordinator: link.coordinator }) };
  }
  return {
    pass: (milliseconds: number) => void (time += milliseconds),
    first: join(now),
    second: join(() => time + aheadMs),
    alone: { logins: createLoginThrottle(now) },
  };
}

type Member = { readonly logins: LoginThrottle };

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

/** How many of ten attempts by each of them are made. */
async function made(members: readonly Member[]): Promise<number> {
  const asked = Array.from({ length: 10 }, () => members).flat();
  const waits = await Promise.all(asked.map((member) => waitOf(member, "ann", "10.0.0.1")));
  return waits.filter((wait) => wait === 0).length;
}

test("two gateways let through no more tries than one, and make whoever fails wait as long", async () => {
  const { first, second, alone, pass } = createWorld();
  expect([await made([first, second]), await made([alone])]).toEqual([6, 6]);
  for (const wait of [1, 2, 4, 8, 16, 32, 60, 60, 60]) {
    pass(wait * 1000 - 1);
    expect([await made([first, second]), await made([alone])]).toEqual([0, 0]);
    pass(1);
    expect([await made([second, first]), await made([alone])]).toEqual([1, 1]);
  }
});

test("a gateway whose clock is ahead counts with the others, and lets the right person in", async () => {
  const { first, second, pass } = createWorld({ aheadMs: 3 * minute });
  for (let count = 0; count < 6; count += 1)
    expect(await waitOf(count % 2 === 0 ? first : second, "ann", "10.0.0.1")).toBe(0);
  expect(await waitOf(second, "ann", "10.0.0.1")).toBe(1);
  pass(1000);
  expect(await waitOf(second, "ann", "10.0.0.1", true)).toBe(0);
  expect(await waitOf(second, "ann", "10.0.0.1", true)).toBe(0);
});

test("whoever is refused is not made to wait longer for it, and nobody else is", async () => {
  const { first, second } = createWorld();
  for (let count = 0; count < 6; count += 1) await waitOf(first, "bob", "10.0.1.1");
  for (let count = 0; count < 200; count += 1) expect(await waitOf(second, "bob", "10.0.1.1")).toBe(1);
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

async function flood(member: Member): Promise<void> {
  for (let count = 0; count < 10_100; count += 1)
    await waitOf(member, `stranger-${count}`, `2001:db8:1:${count.toString(16)}::1`);
}

test("who failed is forgotten where more than ten thousand others from everywhere have failed since", async () => {
  const { first, alone } = createWorld();
  for (const member of [first, alone]) {
    for (let count = 0; count < 6; count += 1) await waitOf(member, "eve", "10.0.0.1");
    expect(await waitOf(member, "eve", "10.0.0.1")).toBe(1);
    await flood(member);
    expect(await waitOf(member, "eve", "10.0.0.1")).toBe(0);
  }
});

test("but the account is not: as many others as there may be win no more guesses at it, and shut nobody out", async () => {
  const { first, alone } = createWorld();
  for (const member of [first, alone]) {
    for (let count = 0; count < 101; count += 1) expect(await waitOf(member, "ann", `10.1.${count}.1`)).toBe(0);
    await flood(member);
    expect(await waitOf(member, "ann", "10.9.0.1")).toBe(1);
    expect(await waitOf(member, "bob", "10.9.0.1")).toBe(0);
  }
});
