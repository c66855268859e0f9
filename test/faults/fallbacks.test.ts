import { afterAll, describe, expect, test } from "bun:test";
import { faultModel } from "../support/fault-upstream.ts";
import { faultProtocols, goodText } from "../support/fault-wire.ts";
import { wires } from "../support/replay-wires.ts";
import { askModel, providerAt, startFaultRig } from "./rig.ts";

/** A failure, and the setting that names a model for it. */
const reasons = {
  "too-long": "contextWindowFallbacks",
  unwanted: "contentPolicyFallbacks",
  "status:503": "fallbacks",
} as const;
type Reason = keyof typeof reasons;
const settings = Object.values(reasons);

const cases = faultProtocols.flatMap((protocol) =>
  (Object.keys(reasons) as Reason[]).map((fault) => ({
    protocol,
    fault,
    name: `${protocol}-${fault.replace(":", "-")}`,
  })),
);

const rig = await startFaultRig({
  config(origin) {
    const providers: Record<string, unknown> = {};
    const models: Record<string, unknown> = {};
    for (const { protocol, fault, name } of cases) {
      providers[protocol] ??= providerAt(origin, protocol, protocol);
      const targets = [{ provider: protocol, model: faultModel(fault, name) }];
      models[`${name}-good`] = { targets: [{ provider: protocol, model: `good~${name}` }] };
      models[name] = { targets, [reasons[fault]]: [`${name}-good`] };
      // Fallbacks for other reasons are of no use.
      const others = settings.filter((setting) => setting !== reasons[fault] && setting !== "fallbacks");
      models[`${name}-without`] = {
        targets: [{ provider: protocol, model: faultModel(fault, `${name}-without`) }],
        ...Object.fromEntries(others.map((setting) => [setting, [`${name}-good`]])),
      };
    }
    return { providers, models };
  },
});
afterAll(() => rig[Symbol.asyncDispose]());

describe.each(cases)("$protocol: $fault", ({ protocol, fault, name }) => {
  test.each([true, false])("is answered by the model that is named for it, streaming: %p", async (isStream) => {
    const { status, text } = await askModel(rig.gateway, protocol, { model: name, isStream });
    expect({ status, text: status === 200 ? "" : text }).toEqual({ status: 200, text: "" });
    expect(wires[protocol].contentOf(text).text).toBe(goodText);
    if (isStream) expect(wires[protocol].problemsOf(text)).toEqual([]);
  });

  test("is told where models are named for other reasons only", async () => {
    const { status } = await askModel(rig.gateway, protocol, { model: `${name}-without`, isStream: true });
    expect(status).toBeGreaterThanOrEqual(400);
    const attempts = rig.upstream.of(faultModel(fault, `${name}-without`)).length;
    expect(attempts).toBe(fault === "status:503" ? 3 : 1);
  });
});
