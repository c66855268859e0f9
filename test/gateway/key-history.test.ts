import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { createMemoryCoordination } from "../../src/coordination/memory/memory-coordination.ts";
import { createSharedResponses } from "../../src/gateway/shared-responses.ts";
import { createStoredResponses } from "../../src/gateway/stored-responses.ts";
import type { VirtualKey } from "../../src/keys/virtual-key.ts";
import { protocols } from "../../src/protocols/registry.ts";
import { createMemoryResponseStore } from "../../src/storage/responses/memory.ts";
import type { ResponseStore } from "../../src/storage/responses/response-store.ts";
import { openaiCompatibleAt } from "../routing/configured.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import { until } from "../support/e2e.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { streamOf } from "../support/replies.ts";
import { wires } from "../support/replay-wires.ts";
import type { Script } from "../support/wire/wire.ts";
import { grantOf, keyRig, type KeyRig, price } from "./key-rig.ts";

const upstream = await createFakeUpstream();
const responses = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: playResponse });
afterAll(async () => {
  await upstream.close();
  await responses.stop(true);
});

const script: Script = {
  id: "resp_up",
  model: "m",
  parts: [{ type: "text", text: "Yes." }],
  finish: "end",
  usage: { input: 1, cacheRead: 0, cacheWrite: 0, output: 1, reasoning: 0 },
};

/** An upstream that speaks the Responses API and keeps nothing. */
async function playResponse(request: Request): Promise<Response> {
  const { stream } = (await request.json()) as { stream?: boolean };
  const wire = wires["openai-responses"];
  if (stream !== true)
    return new Response(wire.whole(script).body, { headers: { "content-type": "application/json" } });
  const { events, contentType } = wire.stream(script);
  return new Response(events.join(""), { headers: { "content-type": contentType } });
}

beforeEach(() => upstream.clear());

const keyId = "key_1";
const long = "word ".repeat(200_000);

/** Something long was said before. */
function keepLong(store: ResponseStore): void {
  const output = [
    { id: "msg_1_0", type: "message", role: "assistant", content: [{ type: "output_text", text: long }] },
  ];
  createStoredResponses(store).keep({ id: "resp_1", keyId, request: { input: "Hi" }, response: { output } });
}

/** Where the history is, by name: at hand, or with another gateway. */
const stores: Readonly<Record<string, () => Promise<ResponseStore>>> = {
  async near() {
    const store = createMemoryResponseStore();
    keepLong(store);
    return store;
  },
  async far() {
    const meeting = createMemoryCoordination();
    const other = createSharedResponses(meeting.join(), {});
    keepLong(other);
    await other.close();
    return createSharedResponses(meeting.join(), {});
  },
};

function rigOf(store: ResponseStore): KeyRig {
  return keyRig({
    config: {
      providers: {
        a: openaiCompatibleAt(upstream.url, { credentials: ["k"], retries: 0 }),
        responses: openaiCompatibleAt(`http://127.0.0.1:${responses.port}`, {
          credentials: ["k"],
          protocols: ["openai-responses"],
        }),
      },
      models: {
        m: { targets: [{ provider: "a", model: "m" }] },
        same: { targets: [{ provider: "responses", model: "m" }] },
      },
    },
    // A token of the prompt costs a hundred-thousandth of a dollar: the history some 2.50 USD.
    priceOf: () => price(10, 0),
    pricesRecords: true,
    responses: createStoredResponses(store),
  });
}

const goesOn: Readonly<Record<string, object>> = {
  "the response before": { input: "More", previous_response_id: "resp_1" },
  "an item": { input: [{ type: "item_reference", id: "msg_1_0" }] },
  "the response before, escaped": { input: "More", previous_response_id: "resp_1", user: "\\u" },
};

function ask(rig: KeyRig, key: Partial<VirtualKey>, body: object, signal = new AbortController().signal) {
  const call = rig.call(grantOf(key), { model: "m", max_output_tokens: 10, ...body }, { signal });
  return rig.gateway.handle({ ...call, protocol: protocols["openai-responses"] });
}

describe.each(Object.entries(stores))("a history that is %s", (_where, open) => {
  test.each(Object.entries(goesOn))("is paid for by who only names %s", async (_what, body) => {
    const rig = rigOf(await open());
    const refused = await ask(rig, { budgets: [{ usd: 2, window: "day" }] }, body);
    expect([refused.status, await refused.text()]).toEqual([429, expect.stringMatching(/may cost 2\.5\d USD/)]);
    expect(upstream.requests).toHaveLength(0);
    const served = await ask(rig, { budgets: [{ usd: 3, window: "day" }] }, body);
    await served.text();
    expect(served.status).toBe(200);
  });

  test("counts for the tokens a minute", async () => {
    const rig = rigOf(await open());
    const body = { input: "More", previous_response_id: "resp_1" };
    const statuses = [];
    for (const asked of [{ input: "Hi" }, { input: "Hi" }, body]) {
      const response = await ask(rig, { tpm: 200_000 }, asked);
      await response.text();
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 429]);
  });

  test("is paid for where the client leaves", async () => {
    const rig = rigOf(await open());
    const budgets = [{ usd: 3, window: "day" }] as const;
    upstream.otherwise(streamOf((model) => [event(deltaChunk(model, { content: "one " }))], { ending: "hang" }));
    const client = new AbortController();
    const body = { input: "More", previous_response_id: "resp_1", stream: true };
    const response = await ask(rig, { budgets }, body, client.signal);
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    client.abort();
    await until(() => rig.records.length === 1, "the record");
    expect(rig.records[0]?.costUsd).toBeWithin(2.4, 2.7);
  });
});

test("nothing is kept of who wants nothing kept, in one piece and in a stream, whatever is spoken upstream", async () => {
  for (const [content, isKept] of [
    ["none", false],
    ["truncate:10", true],
  ] as const) {
    for (const stream of [false, true]) {
      for (const model of ["m", "same"]) {
        const store = createMemoryResponseStore();
        const saved: string[] = [];
        const rig = rigOf({ ...store, save: (entry) => void saved.push(entry.id) });
        const response = await ask(rig, { content }, { model, input: "A secret", stream });
        expect(response.status).toBe(200);
        await response.text();
        expect([content, model, stream, saved.length]).toEqual([content, model, stream, isKept ? 1 : 0]);
      }
    }
  }
});

test("a history that nobody has here stops nothing: the upstream may have it", async () => {
  const rig = rigOf(createMemoryResponseStore());
  const response = await ask(
    rig,
    { budgets: [{ usd: 2, window: "day" }] },
    { input: "Hi", previous_response_id: "resp_9" },
  );
  expect([response.status, await response.text()]).toEqual([
    400,
    expect.stringContaining("previous_response_not_found"),
  ]);
});
