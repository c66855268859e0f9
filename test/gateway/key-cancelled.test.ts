import { afterAll, describe, expect, test } from "bun:test";
import { protocols } from "../../src/protocols/registry.ts";
import type { ProtocolId } from "../../src/protocols/protocol.ts";
import { openaiCompatibleAt } from "../routing/configured.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import { until } from "../support/e2e.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { streamOf } from "../support/replies.ts";
import { grantOf, keyRig, price } from "./key-rig.ts";

const fat = await createFakeUpstream();
const claude = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: playMessage });
afterAll(async () => {
  await fat.close();
  await claude.stop(true);
});

const words = "word ".repeat(1000);
const pieces = Array.from({ length: 20 }, () => "word ".repeat(50));

/** All the words, and then silence. */
function playMessage(): Response {
  const usage = { input_tokens: 10, output_tokens: 1 };
  const message = { id: "msg_1", type: "message", role: "assistant", model: "up", content: [], usage };
  const events = [
    { type: "message_start", message },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    ...pieces.map((text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
  ];
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const event of events)
        controller.enqueue(Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** The same, and no usage at all. */
fat.otherwise(
  streamOf((model) => pieces.map((content) => event(deltaChunk(model, { content }))), { ending: "hang", paceMs: 0 }),
);

const rig = keyRig({
  config: {
    providers: {
      fat: openaiCompatibleAt(fat.url, { credentials: ["k"], retries: 0 }),
      claude: { type: "anthropic", baseUrl: `http://127.0.0.1:${claude.port}`, credentials: ["k"], retries: 0 },
    },
    models: {
      fat: { targets: [{ provider: "fat", model: "up" }] },
      claude: { targets: [{ provider: "claude", model: "up" }] },
    },
  },
  priceOf: () => price(0, 1000),
  pricesRecords: true,
});
const grant = grantOf({ budgets: [{ usd: 100, window: "day" }] });

/** US dollars that a stream cost whose client left after all its words; a token costs a thousandth. */
async function costOfLeaving(client: ProtocolId, model: string): Promise<number> {
  rig.records.length = 0;
  const controller = new AbortController();
  const body = { model, stream: true, max_tokens: 8000, input: "Hi", messages: [{ role: "user", content: "Hi" }] };
  const call = rig.call(grant, body, { signal: controller.signal });
  const response = await rig.gateway.handle({ ...call, protocol: protocols[client] });
  expect(response.status).toBe(200);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; text.split("word ").length <= 1000;) {
    const piece = await reader?.read();
    if (piece === undefined || piece.done) throw new Error(`The stream ended early: ${text.slice(-500)}`);
    text += piece.value;
  }
  await reader?.cancel();
  controller.abort();
  await until(() => rig.records.length === 1, "the record");
  expect(rig.records[0]).toMatchObject({ endReason: "client_cancelled", usageSource: "estimated" });
  return rig.records[0]?.costUsd ?? Number.NaN;
}

describe("a stream whose client leaves costs what went by of it", () => {
  test.each([
    ["anthropic-messages", "claude"],
    ["openai-chat", "claude"],
    ["openai-chat", "fat"],
    ["anthropic-messages", "fat"],
  ] as const)("for a client of %s at %s", async (client, model) => {
    const [before] = rig.budgets.view({ kind: "key", id: grant.key.id, budgets: grant.key.budgets ?? [] });
    expect(await costOfLeaving(client, model)).toBeCloseTo(words.length / 4 / 1000, 6);
    const [after] = rig.budgets.view({ kind: "key", id: grant.key.id, budgets: grant.key.budgets ?? [] });
    expect((after?.spentUsd ?? 0) - (before?.spentUsd ?? 0)).toBeCloseTo(words.length / 4 / 1000, 6);
    expect(after?.reservedUsd).toBe(0);
  });
});
