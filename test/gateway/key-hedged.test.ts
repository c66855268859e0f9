import { afterAll, beforeEach, expect, test } from "bun:test";
import { protocols } from "../../src/protocols/registry.ts";
import { openaiCompatibleAt } from "../routing/configured.ts";
import { until } from "../support/e2e.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { hangBeforeHeaders, ordinaryReply } from "../support/replies.ts";
import { grantOf, keyRig, type KeyRig, price } from "./key-rig.ts";

const upstream = await createFakeUpstream();
afterAll(() => upstream.close());
beforeEach(() => upstream.clear());

const provider = () => openaiCompatibleAt(upstream.url, { credentials: ["k"], retries: 0 });
const targets = [
  { provider: "slow", model: "slow", priority: 1 },
  { provider: "fast", model: "fast", priority: 2 },
];

/** A request's fee of a dollar stands for its prompt. */
function rigOf(): KeyRig {
  return keyRig({
    config: {
      providers: { slow: provider(), fast: provider() },
      models: { m: { strategy: "priority", targets, hedgeAfter: "20ms" } },
    },
    priceOf: () => price(0, 1000, { request: 1 }),
    pricesRecords: true,
  });
}

const grant = grantOf({ budgets: [{ usd: 100, window: "day" }] });
const usage = { prompt_tokens: 1, completion_tokens: 2000, total_tokens: 2001 };

function ask(rig: KeyRig, stream: boolean, signal = new AbortController().signal): Promise<Response> {
  const body = { model: "m", messages: [{ role: "user", content: "Hi" }], max_tokens: 4000, stream };
  return rig.gateway.handle({ ...rig.call(grant, body, { signal }), protocol: protocols["openai-chat"] });
}

function spent(rig: KeyRig): [spent: number, reserved: number] {
  const [view] = rig.budgets.view({ kind: "key", id: grant.key.id, budgets: grant.key.budgets ?? [] });
  return [view?.spentUsd ?? Number.NaN, view?.reservedUsd ?? Number.NaN];
}

test.each([
  ["a stream costs its prompt", true, 3 + 1],
  ["an answer in one piece costs as much as the other one", false, 3 + 3],
])("an upstream that was overtaken: %s", async (_what, stream, usd) => {
  const rig = rigOf();
  upstream.set("slow", hangBeforeHeaders);
  upstream.set("fast", ordinaryReply({ usage }));
  const asking = ask(rig, stream);
  await upstream.waitFor(({ model }) => model === "fast");
  const response = await asking;
  await response.text();
  expect(response.status).toBe(200);
  await until(() => spent(rig)[1] === 0, "settled");
  expect(spent(rig)).toEqual([expect.closeTo(usd, 6), 0]);
});

test("what two places may cost is set aside, and who leaves both pays both prompts", async () => {
  const rig = rigOf();
  upstream.otherwise(hangBeforeHeaders);
  const client = new AbortController();
  const asking = ask(rig, true, client.signal);
  await upstream.waitFor(({ model }) => model === "fast");
  expect(spent(rig)).toEqual([0, 10]);
  client.abort();
  await asking.then((response) => response.text()).catch(() => undefined);
  await until(() => spent(rig)[1] === 0, "settled");
  expect(spent(rig)).toEqual([expect.closeTo(2, 6), 0]);
});
