import { afterAll, describe, expect, test } from "bun:test";
import { createMetricsListener } from "../../src/http/metrics-listener.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { exchangeRaw } from "../support/raw-client.ts";

const metrics = createMetrics({ isKnownModel: () => false, queueDepth: () => 0, sinks: [] });
const near = createMetricsListener({ hostname: "127.0.0.1", port: 0, metrics });
const everywhere = createMetricsListener({ hostname: "0.0.0.0", port: 0, metrics });
afterAll(() => Promise.all([near.stop(true), everywhere.stop(true)]));

async function statusFor(server: typeof near, host: string | undefined, path = "/metrics"): Promise<number> {
  const hostLine = host === undefined ? "" : `host: ${host}\r\n`;
  const response = await exchangeRaw(
    Number(server.port),
    `GET ${path} HTTP/1.1\r\n${hostLine}connection: close\r\n\r\n`,
  );
  return response.status;
}

describe("the metrics listener on loopback", () => {
  test.each(["localhost:8001", "127.0.0.1:8001", "[::1]:8001", "host.docker.internal:8001", "192.168.1.7"])(
    "answers under Host %s",
    async (host) => {
      expect(await statusFor(near, host)).toBe(200);
    },
  );

  test.each(["evil.test", "localhost.evil.test", "127.0.0.1.nip.io:8001", "nas", "127.1", "0x7f.1"])(
    "refuses the name %s, which a web page may have pointed here",
    async (host) => {
      expect(await statusFor(near, host)).toBe(403);
      expect(await statusFor(near, host, "/other")).toBe(403);
    },
  );

  test("answers a malformed Host with 400, never with a 5xx", async () => {
    for (const host of ["a b", "x#", "u@x", "[", "x:99999", "", undefined])
      expect({ host, status: await statusFor(near, host) }).toEqual({ host, status: 400 });
  });

  test("has nothing else", async () => {
    expect(await statusFor(near, "localhost", "/v1/models")).toBe(404);
  });
});

test("a metrics listener that others may reach answers under every name", async () => {
  expect(await statusFor(everywhere, "metrics.example.com")).toBe(200);
});
