import { afterAll, expect, test } from "bun:test";
import { startGateway } from "../support/gateway.ts";

const secret = "sk-upstream-secret-1";
const asked: string[] = [];

const chatAnswer = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [0, 1].map((index) => ({
    index,
    message: { role: "assistant", content: "from the second", refusal: null },
    logprobs: null,
    finish_reason: "stop",
  })),
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
};
const malformed = {
  candidates: [{ content: { role: "model", parts: [] }, finishReason: "MALFORMED_FUNCTION_CALL", index: 0 }],
  usageMetadata: { promptTokenCount: 1, totalTokenCount: 1 },
};

const upstream = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    if (pathname === "/openai/v1/chat/completions") return Response.json(chatAnswer);
    if (pathname.endsWith(":generateContent")) return Response.json(malformed);
    if (pathname.endsWith(":streamGenerateContent")) {
      const body = `data: ${JSON.stringify(malformed)}\n\n`;
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    }
    const quoted = `bad key ${request.headers.get("x-api-key")}`;
    return Response.json({ error: { message: quoted } }, { status: 400 });
  },
});
const origin = `http://127.0.0.1:${upstream.port}`;
const gateway = await startGateway({
  configText: JSON.stringify({
    providers: {
      claude: { type: "anthropic", baseUrl: origin, credentials: [secret], retries: 0 },
      gemini: { type: "gemini", baseUrl: origin, credentials: [secret], retries: 0 },
      chat: { type: "openai-compatible", baseUrl: `${origin}/openai/v1`, credentials: ["k"], retries: 0 },
    },
    models: {
      "claude-then-chat": {
        targets: [
          { provider: "claude", model: "c" },
          { provider: "chat", model: "m" },
        ],
      },
      "gemini-then-chat": {
        targets: [
          { provider: "gemini", model: "g" },
          { provider: "chat", model: "m" },
        ],
      },
      "gemini-only": { targets: [{ provider: "gemini", model: "g" }] },
      "claude-only": { targets: [{ provider: "claude", model: "c" }] },
    },
  }),
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop(true);
});

function chat(model: string, fields: object = {}, headers: Record<string, string> = {}): Promise<Response> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }], ...fields });
  return fetch(`${gateway.url}/chat/completions`, { method: "POST", headers, body });
}

test("what cannot be said to one target is asked of the next, and nothing is sent to the first", async () => {
  asked.length = 0;
  const several = await chat("claude-then-chat", { n: 2 });
  expect(several.status).toBe(200);
  expect(((await several.json()) as { choices: unknown[] }).choices).toHaveLength(2);
  const strict = await chat("claude-then-chat", { logit_bias: { "1": 2 } }, { "x-orcestator-strict": "1" });
  expect(strict.status).toBe(200);
  expect(asked).toEqual(["/openai/v1/chat/completions", "/openai/v1/chat/completions"]);
});

test("with one target only, the refusal names the field", async () => {
  const refused = await chat("claude-only", { n: 2 });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ error: { param: "n" } });
});

test("an answer that ends with an error of the model's own is a failure: the next target is asked", async () => {
  for (const stream of [false, true]) {
    const answer = await chat("gemini-then-chat", { stream });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("from the second");
    const failed = await chat("gemini-only", { stream });
    expect(failed.status).toBe(503);
    expect(await failed.text()).toContain("MALFORMED_FUNCTION_CALL");
  }
});

test("a refusal that is passed on as it is does not quote the credential", async () => {
  const refused = await fetch(`${gateway.origin}/p/claude/v1/files`);
  expect(refused.status).toBe(400);
  const text = await refused.text();
  expect(text).toContain("bad key …");
  expect(text).not.toContain(secret);
});
