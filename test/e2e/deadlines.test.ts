import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { errorOf, eventsOf, postChat, type Data } from "../support/chat.ts";
import { connectRaw, postBytes } from "../support/raw-client.ts";
import { startRig } from "../support/e2e.ts";
import { startGateway } from "../support/gateway.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import type { Behaviour } from "../support/exchange.ts";
import { failure, hangAfterHeaders, hangBeforeHeaders, okStream, ordinaryReply, streamOf } from "../support/replies.ts";

const { upstream, gateway, ...rig } = await startRig({
  configText: (url) => `
server: {heartbeat: 100ms}
providers:
  quick:
    {type: openai-compatible, baseUrl: "${url}", credentials: [sk], acceptsAnyModel: true, retries: 0,
     timeouts: {connect: 1s, firstByte: 500ms, idle: 400ms, total: 1500ms}}
  patient:
    {type: openai-compatible, baseUrl: "${url}", credentials: [sk], retries: 1,
     timeouts: {connect: 1s, firstByte: 3s, idle: 3s, total: 10s}}
models:
  patient: {targets: [{provider: patient, model: vendor/patient}]}
`,
});
beforeEach(() => upstream.clear());
afterAll(() => rig[Symbol.asyncDispose]());

const role = (model: string) => event(deltaChunk(model, { role: "assistant", content: "" }));
const word = (model: string) => event(deltaChunk(model, { content: "Word" }));

/** Reads an answer to its end and says when it came. */
async function timed(body: Data): Promise<{ response: Response; text: string; elapsedMs: number }> {
  const startedAt = performance.now();
  const response = await postChat(gateway, body);
  const text = await response.clone().text();
  return { response, text, elapsedMs: performance.now() - startedAt };
}

function expectErrorForm(text: string): void {
  const events = eventsOf(text.replaceAll(/^:.*\n\n/gm, ""));
  const [finish, error, done] = events.slice(-3) as [Data, Data, string];
  expect(done).toBe("[DONE]");
  expect(error["error"]).toMatchObject({ type: "server_error", code: "upstream_timeout", param: null });
  expect(JSON.stringify(finish["choices"])).toContain(`"finish_reason":"error"`);
}

describe("the first byte's deadline", () => {
  const quiet: Record<string, Behaviour> = {
    "no headers": hangBeforeHeaders,
    "headers and nothing more": hangAfterHeaders(),
    "headers and comments": hangAfterHeaders(": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"),
    "a role chunk only": streamOf((model) => [role(model)], { ending: "hang" }),
    "comments again and again": streamOf(() => Array.from({ length: 100 }, () => ": OPENROUTER PROCESSING\n\n"), {
      paceMs: 50,
    }),
  };
  for (const [what, behaviour] of Object.entries(quiet)) {
    test(`ends a stream of which came ${what}`, async () => {
      upstream.set("vendor/a", behaviour);
      const { response, text, elapsedMs } = await timed({ model: "vendor/a", stream: true });
      expect(elapsedMs).toBeGreaterThan(450);
      expect(elapsedMs).toBeLessThan(1200);
      // Heart-beats go out before, and with them the status 200: what failed is then told in the stream.
      if (response.status === 200) expectErrorForm(text);
      else expect(await errorOf(response)).toMatchObject({ code: "upstream_timeout", type: "server_error" });
      const [request] = upstream.requests;
      expect(await request?.ended).toBe("aborted");
      expect(upstream.requests).toHaveLength(1);
    });
  }
});

test("a stream that falls silent is ended by the idle deadline", async () => {
  upstream.set(
    "vendor/a",
    streamOf((model) => [role(model), word(model)], { ending: "hang" }),
  );
  const { response, text, elapsedMs } = await timed({ model: "vendor/a", stream: true });
  expect(response.status).toBe(200);
  expect(elapsedMs).toBeGreaterThan(350);
  expect(elapsedMs).toBeLessThan(1000);
  expect(text).toContain("Word");
  expectErrorForm(text);
  expect(await upstream.requests[0]?.ended).toBe("aborted");
});

test("a stream that trickles for ever is ended by the total deadline", async () => {
  upstream.set(
    "vendor/a",
    streamOf((model) => Array.from({ length: 200 }, () => word(model)), { paceMs: 50 }),
  );
  const { text, elapsedMs } = await timed({ model: "vendor/a", stream: true });
  expect(elapsedMs).toBeGreaterThan(1400);
  expect(elapsedMs).toBeLessThan(2200);
  expectErrorForm(text);
  expect(await upstream.requests[0]?.ended).toBe("aborted");
});

test("a plain answer has only the total deadline", async () => {
  upstream.set("vendor/slow", async (exchange) => {
    await exchange.pause(900);
    await ordinaryReply()(exchange);
  });
  const slow = await timed({ model: "vendor/slow" });
  expect(slow.response.status).toBe(200);
  upstream.set("vendor/never", hangBeforeHeaders);
  const never = await timed({ model: "vendor/never" });
  expect(never.response.status).toBe(503);
  expect(never.elapsedMs).toBeGreaterThan(1400);
  expect(never.elapsedMs).toBeLessThan(2200);
  expect(await errorOf(never.response)).toMatchObject({ code: "upstream_timeout", type: "server_error" });
  expect(never.response.headers.get("x-should-retry")).toBe("false");
});

const half = (model: string) => word(model).slice(0, 40);

test("heart-beat comments fill the silence of a stream and never cut an event", async () => {
  upstream.set("vendor/patient", async (exchange) => {
    const { model } = exchange.request;
    exchange.start({ headers: { "content-type": "text/event-stream" } });
    exchange.write(word(model) + half(model));
    await exchange.pause(450);
    exchange.write(word(model).slice(40));
    for (const text of [event(deltaChunk(model, {}, "stop")), event("[DONE]")]) exchange.write(text);
    exchange.end();
  });
  const { text } = await timed({ model: "patient", stream: true });
  const comments = text.match(/^:.*\n\n/gm) ?? [];
  expect(comments.length).toBeGreaterThanOrEqual(3);
  expect(comments.length).toBeLessThanOrEqual(6);
  expect(eventsOf(text)).toHaveLength(4);
  expect(text.match(/Word/g)).toHaveLength(2);
});

const lateFailure: Behaviour = async (exchange) => {
  await exchange.pause(350);
  await failure(503)(exchange);
};

test("heart-beats keep a stream alive before its first token, and failover stays possible", async () => {
  upstream.set("vendor/patient", [lateFailure, okStream()]);
  const client = await connectRaw(gateway.port);
  const startedAt = performance.now();
  client.send(postBytes("/v1/chat/completions", `{"model":"patient","stream":true,"messages":[]}`));
  await client.waitFor(/\n:[^\n]*\n/);
  expect(performance.now() - startedAt).toBeLessThan(300);
  await client.waitFor(/\[DONE\]/);
  expect(client.received()).toContain("200 OK");
  expect(client.received()).not.toContain(`"error"`);
  expect(upstream.requests).toHaveLength(2);
  client.leave();
});

test("a final failure after a heart-beat is told in the stream", async () => {
  upstream.set("vendor/patient", async (exchange) => {
    await exchange.pause(300);
    await failure(400, { message: "Too late for a status" })(exchange);
  });
  const { response, text } = await timed({ model: "patient", stream: true });
  expect(response.status).toBe(200);
  expect(text).toContain("Too late for a status");
  expect(text).toEndWith("data: [DONE]\n\n");
  expect(text).toContain(`"finish_reason":"error"`);
});

test("a plain answer gets no heart-beats", async () => {
  upstream.set("vendor/patient", async (exchange) => {
    await exchange.pause(350);
    await ordinaryReply()(exchange);
  });
  const { text } = await timed({ model: "patient" });
  expect(text).toStartWith("{");
});

/** A listener that takes no more connections: its process is stopped and its queue is full. */
async function startFullListener() {
  const source = `require("node:net").createServer().listen(0, "127.0.0.1", function () { console.log(this.address().port); })`;
  const child = Bun.spawn([process.execPath, "-e", source], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const { value } = await child.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));
  child.kill("SIGSTOP");
  // Bun listens with a queue of 512, whatever it is told.
  const fillers = Array.from({ length: 600 }, () => connect(port, "127.0.0.1"));
  for (const filler of fillers) filler.on("error", () => {});
  await Bun.sleep(100);
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy();
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

test.if(process.platform === "linux")(
  "a connection that is not accepted is given up after the connect deadline",
  async () => {
    await using full = await startFullListener();
    await using lonely = await startGateway({
      configText: `
providers:
  full:
    {type: openai-compatible, baseUrl: "http://127.0.0.1:${full.port}/v1", credentials: [sk], acceptsAnyModel: true, retries: 0,
     timeouts: {connect: 300ms, firstByte: 20s, total: 30s}}
`,
    });
    for (const stream of [false, true]) {
      const startedAt = performance.now();
      const response = await postChat(lonely, { model: "vendor/a", stream });
      expect(response.status).toBe(503);
      expect((await errorOf(response)).code).toMatch(/^upstream_(?:timeout|unreachable)$/);
      expect(performance.now() - startedAt).toBeLessThan(1500);
    }
  },
);

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));
