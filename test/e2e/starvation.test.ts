import { afterAll, expect, test } from "bun:test";
import { postChat } from "../support/chat.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { startGateway } from "../support/gateway.ts";
import { inParallel, until } from "../support/e2e.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import { streamOf } from "../support/replies.ts";
import { connectRaw, postBytes, type RawConnection } from "../support/raw-client.ts";

const slow = await createFakeUpstream();
const quick = await createFakeUpstream();
const gateway = await startGateway({
  configText: `
providers:
  slow: {type: openai-compatible, baseUrl: "${slow.url}", credentials: [sk]}
  quick: {type: openai-compatible, baseUrl: "${quick.url}", credentials: [sk]}
models:
  slow: {targets: [{provider: slow, model: vendor/slow}]}
  quick: {targets: [{provider: quick, model: vendor/quick}]}
`,
});
afterAll(async () => {
  await gateway.stop();
  await Promise.all([slow.close(), quick.close()]);
});

test("600 slow streams to one upstream do not hold up another", async () => {
  slow.otherwise(streamOf((model) => [event(deltaChunk(model, { content: "Slow" }))], { ending: "hang" }));
  // Raw sockets, because the test process has the same limit of parallel fetches that is looked for in the gateway.
  const clients: RawConnection[] = [];
  await inParallel(600, 50, async () => {
    const client = await connectRaw(gateway.port);
    client.send(postBytes("/v1/chat/completions", `{"model":"slow","stream":true,"messages":[]}`));
    clients.push(client);
  });
  await until(() => slow.requests.length === 600, "600 requests at the slow upstream");
  const startedAt = performance.now();
  const statuses = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const response = await postChat(gateway, { model: "quick", stream: index % 2 === 0 });
      await response.text();
      return response.status;
    }),
  );
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(performance.now() - startedAt).toBeLessThan(2000);
  for (const client of clients) client.leave();
  await until(() => slow.running() === 0, "all slow streams ended");
}, 30_000);
