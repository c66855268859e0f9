import { afterAll, beforeEach, expect, test } from "bun:test";
import { eventsOf, postChat, type Data } from "../support/chat.ts";
import { startRig } from "../support/e2e.ts";
import { ordinaryReply, streamEvents, streamOf, type StreamOptions } from "../support/replies.ts";
import { chunk, event } from "../support/chat-chunks.ts";

const { upstream, gateway, ...rig } = await startRig();
beforeEach(() => upstream.clear());
afterAll(() => rig[Symbol.asyncDispose]());

async function chunksFor(model: string, request: Data, reply: StreamOptions): Promise<Data[]> {
  upstream.set(model, ordinaryReply(reply));
  const response = await postChat(gateway, { model, stream: true, ...request });
  const events = eventsOf(await response.text());
  expect(events.at(-1)).toBe("[DONE]");
  return events.filter((event) => typeof event !== "string");
}

const withUsage = (chunks: Data[]) =>
  chunks.filter((chunk) => typeof chunk["usage"] === "object" && chunk["usage"] !== null);

async function loggedTokens(model: string): Promise<string> {
  const [line] = await gateway.trafficLines(1, ({ originalModel }) => originalModel === model);
  return `${line?.promptTokens} ${line?.completionTokens}`;
}

test("the usage chunk is hidden from a client that did not ask, and counted", async () => {
  for (const usageStyle of ["asked", "always"] as const) {
    const model = `vendor/hidden-${usageStyle}`;
    const chunks = await chunksFor(model, {}, { usageStyle });
    expect(withUsage(chunks)).toEqual([]);
    expect(chunks.every((chunk) => (chunk["choices"] as unknown[]).length === 1)).toBe(true);
    expect(await loggedTokens(model)).toBe("12 7");
  }
});

test("include_usage: false counts as not asking", async () => {
  const chunks = await chunksFor(
    "vendor/refused",
    { stream_options: { include_usage: false } },
    { usageStyle: "asked" },
  );
  expect(withUsage(chunks)).toEqual([]);
  expect(await loggedTokens("vendor/refused")).toBe("12 7");
});

test("a client that asked sees the usage chunk", async () => {
  const asked = await chunksFor("vendor/shown", { stream_options: { include_usage: true } }, { usageStyle: "asked" });
  expect(withUsage(asked)).toHaveLength(1);
  const included = await chunksFor("vendor/shown", { usage: { include: true } }, { usageStyle: "always" });
  expect(withUsage(included)).toHaveLength(1);
});

test("usage in the finish chunk stays, asked or not", async () => {
  const chunks = await chunksFor("vendor/finish", {}, { usageStyle: "finish" });
  expect(withUsage(chunks)).toHaveLength(1);
  expect(await loggedTokens("vendor/finish")).toBe("12 7");
});

test("usage: null in every chunk hides nothing and disturbs no count", async () => {
  const chunks = await chunksFor("vendor/nulls", {}, { usageStyle: "asked", usageNulls: true });
  expect(chunks).toHaveLength(6);
  expect(await loggedTokens("vendor/nulls")).toBe("12 7");
});

const azureFirst = (model: string) => event(chunk(model, { choices: [], prompt_filter_results: [] }));

test("a chunk with no choices and no usage is forwarded", async () => {
  upstream.set("vendor/azure", async (exchange) => {
    const events = streamEvents(exchange.request, { usageStyle: "asked", comments: 0 });
    await streamOf((model) => [azureFirst(model), ...events])(exchange);
  });
  const response = await postChat(gateway, { model: "vendor/azure", stream: true });
  expect(await response.text()).toContain(azureFirst("orcestator"));
});

test("of two usage reports the last one is counted", async () => {
  const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
  upstream.set("vendor/twice", async (exchange) => {
    const events = streamEvents(exchange.request, { usageStyle: "finish", comments: 0 });
    const last = event(chunk(exchange.request.model, { choices: [], usage }));
    await streamOf(() => [...events.slice(0, -1), last, ...events.slice(-1)])(exchange);
  });
  await (await postChat(gateway, { model: "vendor/twice", stream: true })).text();
  expect(await loggedTokens("vendor/twice")).toBe("100 50");
});

test("usage of a JSON answer is counted", async () => {
  upstream.set("vendor/json", ordinaryReply());
  await (await postChat(gateway, { model: "vendor/json" })).text();
  expect(await loggedTokens("vendor/json")).toBe("12 7");
});

test("tool calls and reasoning stream through whole", async () => {
  const tools = await chunksFor("vendor/tools", {}, { tools: true });
  const fragments = tools.flatMap(
    (chunk) => (chunk["choices"] as { delta: { tool_calls?: { function: { arguments: string } }[] } }[]) ?? [],
  );
  const text = fragments.map(({ delta }) => delta.tool_calls?.[0]?.function.arguments ?? "").join("");
  expect(JSON.parse(text)).toEqual({ city: "Zürich", unit: "c" });
  const reasoning = await chunksFor("vendor/reasoning", {}, { reasoning: ["I ", "think"] });
  expect(JSON.stringify(reasoning)).toContain(`"reasoning_details"`);
});

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));
