import { describe, expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import type { GatewayError } from "../../src/errors.ts";
import { createConnectProbe, dialTcp, type Dial } from "../../src/transport/connect-probe.ts";

const url = new URL("https://api.test/v1/chat/completions");

interface Watched {
  dialled: { hostname: string; port: number }[];
  failed: Promise<GatewayError>;
  failures: GatewayError[];
  end: () => void;
}

function watch(dial: Dial, target = url, connectMs = 30): Watched {
  const dialled: Watched["dialled"] = [];
  const failures: GatewayError[] = [];
  const { promise: failed, resolve } = Promise.withResolvers<GatewayError>();
  const probe = createConnectProbe((address) => {
    dialled.push(address);
    return dial(address);
  });
  const end = probe.watch(target, connectMs, (error) => {
    failures.push(error);
    resolve(error);
  });
  return { dialled, failed, failures, end };
}

const silent: Dial = () => new Promise(() => undefined);
const stands: Dial = () => Promise.resolve();
const refused: Dial = () => Promise.reject(new Error("ECONNREFUSED"));

describe("a connection that does not come to stand", () => {
  test("is given up at the deadline, as a timeout worth a retry", async () => {
    const from = performance.now();
    const { failed, failures } = watch(silent);
    const error = await failed;
    expect(performance.now() - from).toBeGreaterThanOrEqual(29);
    expect({ code: error.code, status: error.status, retryable: error.retryable }).toEqual({ code: "upstream_timeout", status: 504, retryable: true });
    expect(error.message).toContain("api.test");
    expect(error.message).toContain("30 ms");
    await Bun.sleep(20);
    expect(failures).toHaveLength(1);
  });
});

describe("nothing is given up", () => {
  for (const [name, dial] of [["stands", stands], ["is refused, which the request itself says better", refused]] as const)
    test(`when the probe's connection ${name}`, async () => {
      const { dialled, failures } = watch(dial);
      await Bun.sleep(45);
      expect([dialled.length, failures]).toEqual([1, []]);
    });

  test("when the request was answered before the probe had to dial", async () => {
    const { dialled, failures, end } = watch(silent);
    end();
    await Bun.sleep(45);
    expect([dialled, failures]).toEqual([[], []]);
  });

  test("when the request was answered after the probe dialled", async () => {
    const { dialled, failures, end } = watch(silent);
    await Bun.sleep(22);
    end();
    await Bun.sleep(30);
    expect([dialled.length, failures]).toEqual([1, []]);
  });
});

describe("the probe dials", () => {
  test.each([
    ["https://api.test/v1", "api.test", 443],
    ["http://api.test/v1", "api.test", 80],
    ["http://api.test:8080/v1", "api.test", 8080],
    ["https://[::1]:9/v1", "::1", 9],
    ["http://127.0.0.1:1234", "127.0.0.1", 1234],
  ])("for %s: %s port %d", async (target, hostname, port) => {
    const { promise, resolve } = Promise.withResolvers<{ hostname: string; port: number }>();
    const { end } = watch((address) => {
      resolve(address);
      return Promise.resolve();
    }, new URL(target), 10);
    expect(await promise).toEqual({ hostname, port });
    end();
  });

  test("half-way to a short deadline, and no later than a quarter of a second", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const from = performance.now();
    const { end } = watch(() => {
      resolve(performance.now() - from);
      return Promise.resolve();
    }, url, 10_000);
    const waited = await promise;
    expect(waited).toBeGreaterThanOrEqual(245);
    expect(waited).toBeLessThan(450);
    end();
  });
});

describe("an origin that answered lately", () => {
  async function dialsAfter(milliseconds: number, target: URL): Promise<number> {
    let now = 0;
    let dials = 0;
    const probe = createConnectProbe(() => {
      dials += 1;
      return Promise.resolve();
    }, () => now);
    probe.answered(new URL("https://api.test/v1/models"));
    now = milliseconds;
    const end = probe.watch(target, 4, () => undefined);
    await Bun.sleep(15);
    end();
    return dials;
  }

  test("is not probed for half a minute", async () => {
    expect(await dialsAfter(0, url)).toBe(0);
    expect(await dialsAfter(29_999, url)).toBe(0);
    expect(await dialsAfter(30_000, url)).toBe(1);
  });

  test("is that scheme, host and port alone", async () => {
    for (const other of ["http://api.test/v1", "https://api.test:8443/v1", "https://other.test/v1"])
      expect(await dialsAfter(0, new URL(other))).toBe(1);
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
    await expect(dialTcp({ hostname: "127.0.0.1", port: 1 })).rejects.toThrow();
  });
});
