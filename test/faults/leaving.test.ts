import { afterAll, describe, expect, test } from "bun:test";
import { until } from "../support/e2e.ts";
import { faultModel } from "../support/fault-upstream.ts";
import { faultProtocols, type FaultProtocol } from "../support/fault-wire.ts";
import { connectRaw, postBytes } from "../support/raw-client.ts";
import { providerAt, startFaultRig } from "./rig.ts";
import { clientOf } from "./run.ts";

/** What the upstream is doing when the client leaves. */
const moments = {
  silent: "before the headers",
  "head-silent": "behind the headers",
  "preamble-silent": "before the first content",
  "half-silent": "in the middle of the content",
  "head-dribble": "among signs of life",
} as const;
type Moment = keyof typeof moments;

/** Longer than promised (100 ms): a loaded machine must not fail the test. */
const limitMs = 200;

interface Case {
  protocol: FaultProtocol;
  isStream: boolean;
  fault: Moment;
  how: "fin" | "rst";
  name: string;
}
const cases: Case[] = faultProtocols.flatMap((protocol) =>
  [true, false].flatMap((isStream) =>
    (Object.keys(moments) as Moment[]).flatMap((fault) =>
      (["fin", "rst"] as const).map((how) => ({
        protocol,
        isStream,
        fault,
        how,
        name: `${protocol}-${isStream ? "stream" : "whole"}-${fault}-${how}`,
      })),
    ),
  ),
);

const patient = { connect: "5s", firstByte: "30s", idle: "30s", progress: "30s", total: "30s" };
const rig = await startFaultRig({
  config(origin) {
    const models: Record<string, unknown> = {};
    const providers: Record<string, unknown> = {};
    for (const { protocol, fault, name } of cases) {
      for (const place of ["first", "second"])
        providers[`${place}-${protocol}`] ??= providerAt(origin, protocol, `${place}-${protocol}`, {
          timeouts: patient,
        });
      const targets = [
        { provider: `first-${protocol}`, model: faultModel(fault, name) },
        { provider: `second-${protocol}`, model: `good~${name}` },
      ];
      models[name] = { targets };
    }
    return { providers, models };
  },
});
afterAll(() => rig[Symbol.asyncDispose]());
const { gateway, upstream } = rig;

describe.each(cases)("$name", ({ protocol, isStream, fault, how, name }) => {
  test("a client that leaves ends its request upstream, and nothing is tried in its place", async () => {
    const client = clientOf(protocol);
    const connection = await connectRaw(gateway.port);
    const body = JSON.stringify(client.body({ model: name, isStream }));
    connection.send(postBytes(client.path(name, isStream), body, client.headers));
    const model = faultModel(fault, name);
    const request = await upstream.waitFor((candidate) => candidate.model === model);
    if (isStream && fault === "half-silent") await connection.waitFor(/Rot/);
    else await until(() => request.markedAt !== undefined, "the upstream has said what it says");
    const leftAt = performance.now();
    connection.leave(how);
    expect(await request.received.ended).toBe("aborted");
    expect((request.received.abortedAt ?? Infinity) - leftAt).toBeLessThan(limitMs);
  });
});

async function activeRequests(): Promise<string | undefined> {
  const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
  return /^orcestator_active_requests (\d+)/m.exec(metrics)?.[1];
}

test("nothing was asked twice or elsewhere, and nothing is left", async () => {
  for (const { name, fault } of cases) {
    expect([name, upstream.of(faultModel(fault, name)).length]).toEqual([name, 1]);
    expect([name, upstream.of(`good~${name}`).length]).toEqual([name, 0]);
  }
  expect(upstream.running()).toBe(0);
  await until(async () => (await activeRequests()) === "0", "no active requests");
});
