import { createOpenAI } from "@ai-sdk/openai";
import { jsonSchema, streamText, type ToolSet } from "ai";
import { describe, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import { GatewayError } from "../../../src/errors.ts";
import { bytesOfLatin1, latin1OfUtf8 } from "../../../src/lib/latin1.ts";
import { eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import type { Answer } from "../../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { origin, scriptList, upstreamAnswer, upstreamStream, viewOf } from "./samples.ts";

/** The vendors' own clients, which check the order of events more strictly than anybody, are given what we write. */

function fetchOf(body: string, contentType: string) {
  const answer = () => Promise.resolve(new Response(bytesOfLatin1(body), { headers: { "content-type": contentType } }));
  return answer as unknown as typeof fetch;
}

function openaiWith(body: string, contentType = "text/event-stream"): OpenAI {
  return new OpenAI({ apiKey: "k", baseURL: "http://gateway/v1", maxRetries: 0, fetch: fetchOf(body, contentType) });
}

function encoded(events: Iterable<StreamEvent>, error?: GatewayError): string {
  const encoder = openaiResponses.codec.stream.createEncoder(viewOf({ stream: true }));
  let output = "";
  for (const event of events) output += encoder.push(event);
  return error === undefined ? output : output + encoder.fail(error);
}

const rich: Answer = {
  id: "up",
  model: "m",
  parts: [
    { type: "reasoning", text: "Let me think 🤔", opaque: [{ origin, kind: "anthropic-signature", data: "s" }] },
    { type: "text", text: "Grüße 😀" },
    { type: "text", text: " again" },
    { type: "refusal", text: "but not this" },
    { type: "tool_call", id: "c1", name: "weather", kind: "function", input: '{"city":"Zürich"}' },
    { type: "tool_call", id: "c2", name: "free", kind: "custom", input: "any é text" },
    { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AAAA" } },
  ],
  finish: { reason: "tool_calls", raw: undefined },
  usage: { input: 1, cacheRead: 2, cacheWrite: 3, output: 4, reasoning: 5 },
  costUsd: undefined,
};
const events = [...eventsOfAnswer(rich)];
const timeout = new GatewayError({ code: "upstream_timeout", status: 504, message: "Too slow" });

function finalOf(body: string) {
  return openaiWith(body).responses.stream({ model: "m", input: "Hi" }).finalResponse();
}

describe("the OpenAI SDK", () => {
  test("takes a stream of every kind of part", async () => {
    const response = await finalOf(encoded(events));
    expect(response.status).toBe("completed");
    expect(response.output_text).toBe("Grüße 😀 again");
    expect(response.output.map(({ type }) => type)).toEqual([
      "reasoning",
      "message",
      "function_call",
      "custom_tool_call",
      "image_generation_call",
    ]);
    expect(response.usage?.total_tokens).toBe(15);
  });

  test("takes streams that were whole answers, and the upstream's own with another name in them", async () => {
    for (const script of scriptList) {
      const fromWhole = await finalOf(openaiResponses.streamOf(upstreamAnswer(script)));
      const editor = openaiResponses.createStreamEditor({ modelShown: "shown", hideUsage: false, textLimit: 0 });
      const edited = await finalOf(editor.push(upstreamStream(script)).output + editor.end().output);
      expect(edited.model).toBe("shown");
      expect(fromWhole.output).toEqual(edited.output);
    }
  });

  test("throws the error of a stream that broke, wherever it did", async () => {
    for (let count = 0; count < events.length; count += 1) {
      const stream = openaiWith(encoded(events.slice(0, count), timeout)).responses.stream({ model: "m", input: "Hi" });
      const failure: unknown = await stream.finalResponse().then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(APIError);
      expect(failure).toMatchObject({ message: expect.stringContaining("Too slow"), code: "server_error" });
    }
  });

  test("throws the error of a same-lane stream that broke", async () => {
    for (const script of scriptList) {
      const stream = upstreamStream(script);
      const editor = openaiResponses.createStreamEditor({ modelShown: "shown", hideUsage: false, textLimit: 0 });
      const output = editor.push(stream.slice(0, stream.length / 2)).output + (editor.fail?.(timeout) ?? "");
      const failure: unknown = await finalOf(output).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({ message: expect.stringContaining("Too slow") });
    }
  });

  test("takes a whole answer", async () => {
    const body = latin1OfUtf8(
      JSON.stringify(openaiResponses.codec.answer.encode({ ...rich, parts: rich.parts.slice(0, 3) }, viewOf({}))),
    );
    const response = await openaiWith(body, "application/json").responses.create({ model: "m", input: "Hi" });
    expect(response.output_text).toBe("Grüße 😀 again");
  });
});

function aiModel(body: string) {
  const client = createOpenAI({ apiKey: "k", baseURL: "http://gateway/v1", fetch: fetchOf(body, "text/event-stream") });
  return client.responses("gpt-x");
}

describe("the AI SDK", () => {
  const tools = { weather: { inputSchema: jsonSchema({ type: "object" }) } } as unknown as ToolSet;

  test("takes text, reasoning and calls", async () => {
    const parts = rich.parts.filter(
      (part) =>
        part.type === "reasoning" || part.type === "text" || (part.type === "tool_call" && part.kind === "function"),
    );
    const result = streamText({
      model: aiModel(encoded(eventsOfAnswer({ ...rich, parts }))),
      prompt: "Hi",
      tools,
      maxRetries: 0,
    });
    expect(await result.text).toBe("Grüße 😀 again");
    expect(await result.reasoningText).toBe("Let me think 🤔");
    expect((await result.toolCalls).map(({ toolName, input }) => [toolName, input])).toEqual([
      ["weather", { city: "Zürich" }],
    ]);
    expect(await result.finishReason).toBe("tool-calls");
  });

  test("is told that a stream broke", async () => {
    const errors: unknown[] = [];
    const result = streamText({
      model: aiModel(encoded(events.slice(0, 8), timeout)),
      prompt: "Hi",
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    });
    await result.consumeStream();
    expect(JSON.stringify(errors.map((error) => (error instanceof Error ? error.message : error)))).toContain(
      "Too slow",
    );
  });
});
