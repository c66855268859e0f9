import { describe, expect, test } from "bun:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";
import OpenAI, { APIError } from "openai";
import { GatewayError } from "../../../src/errors.ts";
import { bytesOfLatin1 } from "../../../src/lib/latin1.ts";
import { eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer, Conversation, Part } from "../../../src/protocols/canonical/conversation.ts";
import { encodeEvents } from "../whole-stream.ts";
import { codec, conversationOf, viewOf } from "./codec-rig.ts";

/** The official clients read what the encoder writes; their own checks are the judge. */

const usage = { input: 2, cacheRead: 3, cacheWrite: undefined, output: 4, reasoning: 5 };
const parts: Part[] = [
  { type: "reasoning", text: "Dénken", opaque: [{ origin: "claude", kind: "anthropic-signature", data: "sig" }] },
  { type: "text", text: "Grüße 👋🏽" },
  {
    type: "tool_call",
    id: "c1",
    name: "f",
    kind: "function",
    input: '{"a":"ü"}',
    opaque: [{ origin: "g", kind: "gemini-signature", data: "raw==" }],
  },
  { type: "tool_call", id: "c2", name: "g", kind: "function", input: "" },
];
const answer: Answer = {
  id: "",
  model: "u",
  parts,
  finish: { reason: "tool_calls", raw: undefined },
  usage,
  costUsd: undefined,
};

/** A server inside the process that answers every request with one stream. */
function fetchOf(stream: string): typeof fetch {
  const respond = (): Promise<Response> =>
    Promise.resolve(new Response(bytesOfLatin1(stream), { headers: { "content-type": "text/event-stream" } }));
  return Object.assign(respond, { preconnect: () => undefined });
}

function streamOf(conversation: Partial<Conversation> = {}): string {
  const view = viewOf({ wantsUsage: true, conversation: conversationOf({ protocol: "openai-chat", ...conversation }) });
  const encoder = codec.stream.createEncoder(view);
  return encodeEvents(encoder, eventsOfAnswer(answer));
}

function brokenStream(): string {
  const encoder = codec.stream.createEncoder(viewOf());
  const events = [...eventsOfAnswer(answer)].slice(0, 9);
  const failure = new GatewayError({ code: "upstream_overloaded", status: 503, message: "Gone." });
  return encodeEvents(encoder, events) + encoder.fail(failure);
}

const messages = [{ role: "user" as const, content: "Hi" }];
const parameters = { type: "object", properties: {} };
const tools = ["f", "g"].map((name) => ({ type: "function" as const, function: { name, parameters } }));

function clientOf(stream: string): OpenAI {
  return new OpenAI({ baseURL: "http://127.0.0.1:9/v1", apiKey: "k", maxRetries: 0, fetch: fetchOf(stream) });
}

describe("openai-node", () => {
  test("puts the whole answer together", async () => {
    const runner = clientOf(streamOf()).chat.completions.stream({
      model: "m",
      messages,
      tools,
      stream_options: { include_usage: true },
    });
    const final = await runner.finalChatCompletion();
    const [choice] = final.choices;
    expect(choice?.finish_reason).toBe("tool_calls");
    expect(choice?.message.content).toBe("Grüße 👋🏽");
    const calls = choice?.message.tool_calls?.map((call) =>
      call.type === "function" ? [call.id, call.function.name, call.function.arguments] : [],
    );
    expect(calls).toEqual([
      ["c1", "f", '{"a":"ü"}'],
      ["c2", "g", "{}"],
    ]);
    expect(final.usage?.total_tokens).toBe(14);
    expect(final.model).toBe("shown-ü");
  });

  test("takes a custom tool's call", async () => {
    const stream = streamOf({ tools: [{ name: "f", kind: "custom" }] });
    const final = await clientOf(stream).chat.completions.stream({ model: "m", messages }).finalChatCompletion();
    expect(final.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      type: "custom",
      custom: { name: "f", input: "ü" },
    });
  });

  test("throws where a stream broke", async () => {
    const stream = await clientOf(brokenStream()).chat.completions.create({ model: "m", messages, stream: true });
    const error: unknown = await Array.fromAsync(stream).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ message: expect.stringContaining("Gone.") as string, code: "upstream_overloaded" });
  });
});

const modelOf = (stream: string) =>
  createOpenAICompatible({ name: "x", baseURL: "http://127.0.0.1:9/v1", fetch: fetchOf(stream), includeUsage: true })(
    "m",
  );

describe("the AI SDK", () => {
  test("puts the whole answer together, thoughts and usage too", async () => {
    const result = streamText({ model: modelOf(streamOf()), prompt: "Hi", maxRetries: 0 });
    expect(await result.text).toBe("Grüße 👋🏽");
    expect(await result.reasoningText).toBe("Dénken");
    expect((await result.toolCalls).map(({ toolName, input }) => [toolName, input])).toEqual([
      ["f", { a: "ü" }],
      ["g", {}],
    ]);
    expect(await result.finishReason).toBe("tool-calls");
    expect((await result.totalUsage).totalTokens).toBe(14);
  });

  test("reports where a stream broke", async () => {
    const errors: unknown[] = [];
    const result = streamText({
      model: modelOf(brokenStream()),
      prompt: "Hi",
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    });
    await Array.fromAsync(result.fullStream);
    expect(errors).toHaveLength(1);
    expect((errors[0] as Error).message).toContain("Gone.");
  });
});
