import { afterAll, describe, expect, test } from "bun:test";
import { faultModel } from "../support/fault-upstream.ts";
import { faultProtocols, goodText, type FaultProtocol } from "../support/fault-wire.ts";
import { wires } from "../support/replay-wires.ts";
import { canary } from "./cases.ts";
import { askModel, providerAt, startFaultRig } from "./rig.ts";

const goodKey = `${canary}good-9c2d`;
/** Keys that the upstream takes; with all others the fault happens. */
const statuses = [401, 402, 403, 429] as const;
const token = "admin-token-0001";

const cases = faultProtocols.flatMap((protocol) =>
  statuses.flatMap((status) => [true, false].map((isStream) => ({ protocol, status, isStream }))),
);
type Case = (typeof cases)[number];

function nameOf({ protocol, status, isStream }: Case): string {
  return `${protocol}-${status}-${isStream ? "stream" : "whole"}`;
}

const wait = "status:429:ms:0.3";

const rig = await startFaultRig({
  upstream: { goodCredentials: [goodKey] },
  env: { AUTH_TOKEN: token },
  config(origin) {
    const providers: Record<string, unknown> = {};
    const models: Record<string, unknown> = {};
    function add(name: string, protocol: FaultProtocol, fault: string, keys: readonly string[]): void {
      providers[name] = providerAt(origin, protocol, name, { credentials: keys, balance: "priority" });
      models[name] = { targets: [{ provider: name, model: faultModel(fault, name) }] };
    }
    for (const each of cases) {
      const name = nameOf(each);
      add(name, each.protocol, `status:${each.status}:seconds:30`, [`${canary}${name}-bad1`, goodKey]);
    }
    for (const protocol of faultProtocols) {
      add(`${protocol}-soon`, protocol, wait, [`${canary}${protocol}-soon`, goodKey]);
      add(`${protocol}-all-bad`, protocol, "status:401", [`${canary}${protocol}-bad1`, `${canary}${protocol}-bad2`]);
    }
    return { providers, models };
  },
});
afterAll(() => rig[Symbol.asyncDispose]());
const { gateway, upstream } = rig;

function keysOf(name: string, fault: string): string[] {
  return upstream.of(faultModel(fault, name)).map(({ credential }) => (credential === goodKey ? "good" : "bad"));
}

describe.each(cases)("$protocol with a key that gets $status, streaming: $isStream", (each) => {
  const name = nameOf(each);
  test("the next key answers at once, and is used from then on", async () => {
    for (let request = 0; request < 3; request += 1) {
      const { status, text, elapsedMs } = await askModel(gateway, each.protocol, {
        model: name,
        isStream: each.isStream,
      });
      expect({ status, text: status === 200 ? "" : text }).toEqual({ status: 200, text: "" });
      expect(wires[each.protocol].contentOf(text).text).toBe(goodText);
      expect(elapsedMs).toBeLessThan(400);
    }
    expect(keysOf(name, `status:${each.status}:seconds:30`)).toEqual(["bad", "good", "good", "good"]);
  });
});

describe.each([...faultProtocols])("%s", (protocol) => {
  test("a limited key is used again when its time is over, and not before", async () => {
    const name = `${protocol}-soon`;
    const request = () => askModel(gateway, protocol, { model: name, isStream: false });
    expect((await request()).status).toBe(200);
    expect((await request()).status).toBe(200);
    expect(keysOf(name, wait)).toEqual(["bad", "good", "good"]);
    const [first] = upstream.of(faultModel(wait, name));
    const until = (first?.received.receivedAt ?? 0) + 320;
    while (performance.now() < until) await Bun.sleep(20);
    expect((await request()).status).toBe(200);
    expect(keysOf(name, wait)).toEqual(["bad", "good", "good", "bad", "good"]);
  });

  test("when all keys are refused the least bad one is tried, and the gateway stays ready", async () => {
    const name = `${protocol}-all-bad`;
    for (let request = 0; request < 3; request += 1) {
      const { status, text } = await askModel(gateway, protocol, { model: name, isStream: request === 1 });
      expect([502, 503]).toContain(status);
      expect(text).toContain("Rotten luck");
      expect(text).not.toContain(canary);
    }
    // Both once, and then one a request.
    expect(upstream.of(faultModel("status:401", name))).toHaveLength(4);
    expect((await fetch(`${gateway.origin}/health/ready`)).status).toBe(200);
  });
});

test("refused keys are shown as such, and never in full", async () => {
  const response = await fetch(`${gateway.origin}/api/providers/health`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  expect({ status: response.status, text: response.ok ? "" : text }).toEqual({ status: 200, text: "" });
  expect(text).toContain("disabled");
  expect(text).not.toContain(canary);
});
