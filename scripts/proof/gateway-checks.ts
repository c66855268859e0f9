import assert from "node:assert/strict";
import { z } from "zod";
import type { Checks } from "./checks.ts";

const modelList = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) });
const completion = z.looseObject({
  model: z.string(),
  choices: z.array(z.looseObject({ message: z.looseObject({ content: z.string() }) })).length(1),
  usage: z.looseObject({ prompt_tokens: z.number(), completion_tokens: z.number() }),
});
const chunk = z.looseObject({
  model: z.string(),
  choices: z.array(z.looseObject({ delta: z.looseObject({ content: z.string().nullish() }) })),
});
const openapi = z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) });

/** What any client does with a gateway in demo mode, over real HTTP. */
export async function checkGateway(checks: Checks, url: string): Promise<void> {
  await checks.check("GET /health/ready says 200", async () => {
    assert.equal((await ask(`${url}/health/ready`)).status, 200);
  });
  await checks.check("GET /v1/models lists orcestator", async () => {
    const { data } = modelList.parse(await (await ask(`${url}/v1/models`)).json());
    assert(data.some((model) => model.id === "orcestator"));
  });
  await checks.check("a chat answers with text and usage", () => requestChat(url));
  await checks.check("a streamed chat ends with [DONE]", () => requestStreamedChat(url));
  await checks.check("a body that is no JSON is a 400 in OpenAI's form", () => checkMalformedBody(url));
  await checks.check("/metrics counts the requests", async () => {
    const text = await (await ask(`${url}/metrics`)).text();
    assert.match(text, /^orcestator_requests_total\{[^}]*\} [1-9]/m);
  });
  await checks.check("/swagger/json describes the API", async () => {
    const { paths } = openapi.parse(await (await ask(`${url}/swagger/json`)).json());
    assert("/v1/chat/completions" in paths);
  });
}

/** Text of the answer; throws when it is not what a client expects. */
export async function requestChat(url: string, model = "orcestator"): Promise<string> {
  const response = await askChat(url, { model, stream: false });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const answer = completion.parse(JSON.parse(text));
  assert.equal(answer.model, model);
  const content = answer.choices[0]?.message.content ?? "";
  assert.notEqual(content, "");
  assert(answer.usage.completion_tokens > 0);
  return content;
}

/** Throws when the stream is not what a client expects. */
export async function requestStreamedChat(url: string): Promise<void> {
  const response = await askChat(url, { model: "orcestator", stream: true });
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const text = await response.text();
  const events = text.split(/\r?\n\r?\n/).filter((event) => event.startsWith("data: "));
  assert.equal(events.pop(), "data: [DONE]");
  const chunks = events.map((event) => chunk.parse(JSON.parse(event.slice("data: ".length))));
  assert(chunks.every((piece) => piece.model === "orcestator"));
  assert.notEqual(chunks.map((piece) => piece.choices[0]?.delta.content ?? "").join(""), "");
}

async function checkMalformedBody(url: string): Promise<void> {
  const response = await ask(`${url}/v1/chat/completions`, { method: "POST", body: '{"model": ' });
  assert.equal(response.status, 400);
  z.object({ error: z.looseObject({ message: z.string() }) }).parse(await response.json());
}

function askChat(url: string, options: { model: string; stream: boolean }): Promise<Response> {
  const body = JSON.stringify({
    messages: [{ role: "user", content: "Hello | there" }],
    ...options,
  });
  const headers = { "content-type": "application/json" };
  return ask(`${url}/v1/chat/completions`, { method: "POST", headers, body });
}

/** Straight to the gateway under test, whatever proxy the machine has. */
function ask(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, proxy: false, signal: AbortSignal.timeout(20_000) } as RequestInit);
}
