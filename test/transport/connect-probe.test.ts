import { beforeEach, describe, expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import type { GatewayError } from "../../src/errors.ts";
import type { Alarms } from "../../src/lib/alarms.ts";
import { createConnectProbe, dialTcp, type ConnectProbe, type Dial } from "../../src/transport/connect-probe.ts";
import { destinationOf, type Destination } from "../../src/transport/destination.ts";

let now = 0;
let waiting: { due: number; ring: () => void }[] = [];
let failures: GatewayError[] = [];
let dialled: { hostname: string; port: number }[] = [];
beforeEach(() => {
  now = 0;
  waiting = [];
  failures = [];
  dialled = [];
});

/** Alarms by the test's own clock. */
const alarms: Alarms = {
  set(milliseconds, ring) {
    const alarm = { due: now + milliseconds, ring };
    waiting.push(alarm);
    return () => (waiting = waiting.filter((other) => other !== alarm));
  },
};

/** What promises have set in motion has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets time go by, and whatever was set in motion by it happen. */
async function pass(milliseconds: number): Promise<void> {
  const end = now + milliseconds;
  await settled();
  for (;;) {
    const [next] = waiting.filter(({ due }) => due <= end).sort((left, right) => left.due - right.due);
    if (next === undefined) break;
    waiting = waiting.filter((other) => other !== next);
    now = Math.max(now, next.due);
    next.ring();
    await settled();
  }
  now = end;
}

function probeWith(dial: Dial): ConnectProbe {
  return createConnectProbe({
    now: () => now,
    alarms,
    dial(address) {
      dialled.push(address);
      return dial(address);
    },
  });
}

const to = (url: string): Destination => destinationOf(new URL(url));
const api = to("https://api.test/v1/chat/completions");
const silent: Dial = () => new Promise(() => undefined);
const stands: Dial = () => Promise.resolve();
const refused: Dial = () => Promise.reject(new Error("ECONNREFUSED"));
const watch = (dial: Dial, connectMs = 5000, destination = api): (() => void) =>
  probeWith(dial).watch(destination, connectMs, (error) => failures.push(error));

describe("a connection that does not come to stand", () => {
  test("is given up at the deadline, once, as a timeout worth a retry", async () => {
    watch(silent);
    await pass(4999);
    expect(failures).toEqual([]);
    await pass(1);
    await pass(60_000);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ code: "upstream_timeout", status: 504, retryable: true });
    for (const words of ["api.test", "5000 ms", "timeouts.connect"]) expect(failures[0]?.message).toContain(words);
  });

  test("is given up with a short deadline too", async () => {
    watch(silent, 20);
    await pass(20);
    expect(failures).toHaveLength(1);
  });
});

describe("nothing is given up", () => {
  test("when the probe's connection stands", async () => {
    watch(stands);
    await pass(60_000);
    expect([dialled.length, failures]).toEqual([1, []]);
  });

  test("when the probe's connection is refused, which the request itself says better", async () => {
    watch(refused);
    await pass(60_000);
    expect([dialled.length, failures]).toEqual([1, []]);
  });

  test("when the connection stands late, but in time", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    watch(() => promise);
    await pass(4900);
    resolve();
    await pass(60_000);
    expect(failures).toEqual([]);
  });

  test("when the request was answered, before the probe had to dial or after", async () => {
    for (const milliseconds of [10, 4000]) {
      const end = watch(silent);
      await pass(milliseconds);
      end();
      await pass(60_000);
    }
    expect([dialled.length, failures]).toEqual([1, []]);
  });

  test("without a try: a process that slept through the deadline dials first", async () => {
    watch(stands, 5000);
    // Both alarms are due at the same look: nothing can settle between them.
    now = 60_000;
    for (const { ring } of waiting.splice(0).sort((left, right) => left.due - right.due)) ring();
    await pass(1);
    expect([dialled.length, failures]).toEqual([1, []]);
  });
});

describe("the probe dials", () => {
  test.each([
    ["https://api.test/v1", "api.test", 443],
    ["http://api.test/v1", "api.test", 80],
    ["http://api.test:8080/v1", "api.test", 8080],
    ["https://[::1]:9/v1", "::1", 9],
  ])("for %s: %s port %d", async (url, hostname, port) => {
    watch(stands, 5000, to(url));
    await pass(5000);
    expect(dialled).toEqual([{ hostname, port }]);
  });

  test.each([
    [10_000, 250],
    [500, 250],
    [100, 50],
  ])("with a deadline of %d ms after %d ms", async (connectMs, graceMs) => {
    watch(stands, connectMs);
    await pass(graceMs - 1);
    expect(dialled).toHaveLength(0);
    await pass(1);
    expect(dialled).toHaveLength(1);
  });
});

describe("an origin that answered", () => {
  test("is trusted for half a minute", async () => {
    const probe = probeWith(stands);
    expect(probe.isTrusted(api)).toBe(false);
    probe.answered(api);
    expect(probe.isTrusted(to("https://api.test/other/path"))).toBe(true);
    await pass(29_999);
    expect(probe.isTrusted(api)).toBe(true);
    await pass(1);
    expect(probe.isTrusted(api)).toBe(false);
  });

  test("is that scheme, host and port alone", () => {
    const probe = probeWith(stands);
    probe.answered(api);
    for (const other of ["http://api.test/v1", "https://api.test:8443/v1", "https://other.test/v1"])
      expect(probe.isTrusted(to(other))).toBe(false);
  });

  test("is remembered among a thousand others and no more", () => {
    const probe = probeWith(stands);
    const origins = Array.from({ length: 3000 }, (_, index) => to(`https://host-${index}.test`));
    for (const origin of origins) probe.answered(origin);
    const trusted = origins.filter((origin) => probe.isTrusted(origin)).length;
    expect(trusted).toBeLessThanOrEqual(1000);
    expect(probe.isTrusted(origins.at(-1) ?? api)).toBe(true);
  });
});

describe("dialling for real", () => {
  test("opens a connection and closes it again", async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const server = createServer((socket) => {
      socket.resume();
      socket.on("close", () => resolve());
    });
    const { promise: listening, resolve: isListening } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", isListening);
    await listening;
    await dialTcp({ hostname: "127.0.0.1", port: (server.address() as AddressInfo).port });
    await closed;
    server.close();
  });

  test("rejects where nobody listens", async () => {
    expect(await dialTcp({ hostname: "127.0.0.1", port: 1 }).catch(() => "rejected")).toBe("rejected");
  });
});
