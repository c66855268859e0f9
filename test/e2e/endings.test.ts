import { expect, test } from "bun:test";
import { errorOf, postChat } from "../support/chat.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import { startRig, until } from "../support/e2e.ts";
import type { Behaviour } from "../support/exchange.ts";
import { startGateway } from "../support/gateway.ts";
import { connectRaw, postBytes } from "../support/raw-client.ts";
import { body, failure, okJson } from "../support/replies.ts";

const endless: Behaviour = async (exchange) => {
  const text = event(deltaChunk(exchange.request.model, { content: "x".repeat(64_000) }));
  exchange.start({ headers: { "content-type": "text/event-stream" } });
  while (!exchange.hasEnded()) {
    exchange.write(text);
    await exchange.drained();
  }
};

test("a client that does not read does not outlive a drain, and is recorded", async () => {
  await using rig = await startRig({ args: ["--drain", "300ms"] });
  const { gateway, upstream } = rig;
  upstream.set("vendor/stalled", endless);
  const client = await connectRaw(gateway.port);
  client.pauseReading();
  client.send(
    postBytes("/v1/chat/completions", JSON.stringify({ model: "vendor/stalled", stream: true, messages: [] })),
  );
  await until(() => upstream.running() === 1, "the stream runs");
  await Bun.sleep(50);
  const startedAt = performance.now();
  gateway.signal("SIGTERM");
  expect(await gateway.exited).toBe(1);
  expect(performance.now() - startedAt).toBeLessThan(2500);
  const lines = await gateway.trafficLines(1);
  expect(lines[0]?.assistant).toStartWith("[503 draining]");
  client.leave();
});

test("a request whose body still arrives is finished by a drain", async () => {
  await using rig = await startRig({ args: ["--drain", "5s"] });
  const { gateway } = rig;
  const client = await connectRaw(gateway.port);
  const bytes = postBytes("/v1/chat/completions", JSON.stringify({ model: "vendor/late", messages: [] }));
  client.send(bytes.slice(0, -10));
  await until(async () => (await fetch(`${gateway.origin}/health`)).ok, "the server has the head");
  gateway.signal("SIGTERM");
  await Bun.sleep(50);
  client.send(bytes.slice(-10));
  await client.waitFor(/^HTTP\/1\.1 200 [\s\S]*chat\.completion/);
  client.leave();
  expect(await gateway.exited).toBe(0);
});

test("a credential that the upstream quotes reaches neither the client nor a log", async () => {
  const secret = "sk-or-v1-0123456789abcdef";
  await using rig = await startRig({ env: { OR_API_KEY: secret }, upstream: { credentials: [secret] } });
  const { gateway, upstream } = rig;
  const quoting = body(JSON.stringify({ error: { message: `Incorrect API key provided: ${secret}.`, code: 401 } }), {
    status: 401,
    headers: { "content-type": "application/json" },
  });
  upstream.set("vendor/quotes", quoting);
  const { message } = await errorOf(await postChat(gateway, { model: "vendor/quotes" }));
  expect(message).toContain("[credential]");
  expect(message).not.toContain(secret);
  const lines = await gateway.trafficLines(1);
  expect(JSON.stringify(lines)).not.toContain(secret);
});

test("a model that the first target does not know is asked of the next", async () => {
  await using rig = await startRig({
    configText: (url) => `
providers: {up: {type: openai-compatible, baseUrl: "${url}", credentials: [k-0123456789]}}
models: {both: {targets: [{provider: up, model: retired}, {provider: up, model: current}]}}`,
  });
  const { gateway, upstream } = rig;
  upstream.set("retired", failure(404));
  upstream.set("current", okJson());
  expect((await postChat(gateway, { model: "both" })).status).toBe(200);
});

test("a provider that leads back to the gateway itself is told so, at once", async () => {
  await using first = await startGateway({ env: { OR_BASE_URL: "http://127.0.0.1:1/v1" } });
  const port = String(first.port);
  await first.stop();
  await using gateway = await startGateway({
    env: { OR_BASE_URL: `http://127.0.0.1:${port}/v1` },
    args: ["--port", port],
  });
  const response = await postChat(gateway, { model: "vendor/loop" });
  expect(response.status).toBe(400);
  expect((await errorOf(response)).message).toContain("points at the gateway itself");
});
