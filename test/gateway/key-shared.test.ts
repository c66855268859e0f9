import { afterAll, beforeEach, expect, test } from "bun:test";
import { protocols } from "../../src/protocols/registry.ts";
import { openaiCompatibleAt } from "../routing/configured.ts";
import { until } from "../support/e2e.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { ordinaryReply } from "../support/replies.ts";
import { grantOf, keyRig, price } from "./key-rig.ts";

const upstream = await createFakeUpstream();
afterAll(() => upstream.close());
beforeEach(() => upstream.clear());

const rig = keyRig({
  config: {
    providers: { a: openaiCompatibleAt(upstream.url, { credentials: ["k"], retries: 0 }) },
    models: { m: { targets: [{ provider: "a", model: "m" }], singleFlight: true } },
  },
  priceOf: () => price(0, 1000),
  pricesRecords: true,
});
const grant = grantOf({ budgets: [{ usd: 100, window: "day" }] });

function ask(signal: AbortSignal): Promise<Response> {
  const body = { model: "m", messages: [{ role: "user", content: "Hi" }], max_tokens: 4000 };
  return rig.gateway.handle({ ...rig.call(grant, body, { signal }), protocol: protocols["openai-chat"] });
}

test("who stays when the first of equal requests leaves pays what the answer cost, and nobody else does", async () => {
  const gate = Promise.withResolvers<void>();
  const usage = { prompt_tokens: 1, completion_tokens: 50, total_tokens: 51 };
  upstream.otherwise(async (exchange) => {
    await gate.promise;
    await ordinaryReply({ usage })(exchange);
  });
  const first = new AbortController();
  const { signal } = new AbortController();
  const asked = [ask(first.signal), ask(signal), ask(signal)];
  await upstream.waitFor(() => true);
  first.abort();
  await asked[0];
  gate.resolve();
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  expect([statuses.slice(1), upstream.requests.length]).toEqual([[200, 200], 1]);
  await until(() => rig.records.length === 3, "the records");
  const [view] = rig.budgets.view({ kind: "key", id: grant.key.id, budgets: grant.key.budgets ?? [] });
  expect(view).toMatchObject({ spentUsd: expect.closeTo(0.05, 6), reservedUsd: 0 });
});
