import { describe, expect, test } from "bun:test";
import { createStopSignal } from "../../../src/lib/stop-signal.ts";
import { utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { protocols } from "../../../src/protocols/registry.ts";
import { dummy } from "../../../src/providers/dummy/index.ts";
import { eventsOf, type Data } from "../../support/chat.ts";

async function ask(body: unknown, stop = createStopSignal()): Promise<Response> {
  const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
  const response = await dummy.respond?.({ body: bytes, stop });
  if (response === undefined) throw new Error("the dummy did not answer");
  return response;
}

const messages = [{ role: "user", content: "Grüß Gott" }];
const tools = [
  { type: "function", function: { name: "get_weather", parameters: { properties: { city: { type: "string" } } } } },
];

describe("the dummy", () => {
  test("answers in one piece", async () => {
    const response = await ask({ model: "demo", messages });
    expect(response.headers.get("content-type")).toStartWith("application/json");
    expect(await response.json()).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion",
      model: "demo",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: expect.stringContaining("Grüß Gott"), refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: {
        prompt_tokens: expect.any(Number),
        completion_tokens: expect.any(Number),
        total_tokens: expect.any(Number),
      },
    });
  });

  test("streams the same text, with usage only where it is asked for", async () => {
    const whole = (await (await ask({ model: "demo", messages })).json()) as {
      choices: { message: Data }[];
      usage: Data;
    };
    for (const asks of [true, false]) {
      const response = await ask({
        model: "demo",
        messages,
        stream: true,
        ...(asks && { stream_options: { include_usage: true } }),
      });
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      const events = eventsOf(await response.text());
      expect(events.at(-1)).toBe("[DONE]");
      const chunks = events.slice(0, -1) as {
        choices: { delta: { content?: string }; finish_reason: string | null }[];
        usage?: Data;
      }[];
      expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(
        String(whole.choices[0]?.message["content"]),
      );
      expect(chunks.filter((chunk) => chunk.choices.length === 0)).toHaveLength(asks ? 1 : 0);
      expect(chunks.find((chunk) => chunk.usage !== undefined)?.usage).toEqual(asks ? whole.usage : undefined);
      expect(chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? [])).toEqual(["stop"]);
    }
  });

  test("streams a tool call as fragments that join to the whole call", async () => {
    const request = { model: "demo", messages, tools, tool_choice: "required" };
    const whole = (await (await ask(request)).json()) as {
      choices: { message: { content: null; tool_calls: { function: Data }[] }; finish_reason: string }[];
    };
    expect(whole.choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: null } });
    const events = eventsOf(await (await ask({ ...request, stream: true })).text()).slice(0, -1) as {
      choices: {
        delta: { tool_calls?: { index: number; id?: string; function: { name?: string; arguments: string } }[] };
        finish_reason: string | null;
      }[];
    }[];
    const calls = events.flatMap((event) => event.choices[0]?.delta.tool_calls ?? []);
    expect(calls.every(({ index }) => index === 0)).toBe(true);
    expect(calls.filter(({ id }) => id !== undefined)).toHaveLength(1);
    expect(calls.map((call) => call.function.arguments).join("")).toBe(
      String(whole.choices[0]?.message.tool_calls[0]?.function["arguments"]),
    );
    expect(events.at(-1)?.choices[0]?.finish_reason).toBe("tool_calls");
  });

  test("answers in a form that the gateway takes for whole and unfailed", async () => {
    const protocol = protocols["openai-chat"];
    const options = { modelShown: "m", hideUsage: false, textLimit: 1000 };
    const stream = await (
      await ask({ model: "demo", messages, stream: true, stream_options: { include_usage: true } })
    ).bytes();
    const editor = protocol.createStreamEditor(options);
    expect(editor.push(Buffer.from(stream).toString("latin1")).failure).toBeUndefined();
    expect([editor.isComplete(), editor.isEnded()]).toEqual([true, true]);
    const answer = await (await ask({ model: "demo", messages })).bytes();
    const { output, observation } = protocol.editAnswer(Buffer.from(answer).toString("latin1"), options);
    expect(JSON.parse(utf8OfLatin1(output))).toMatchObject({ model: "m" });
    expect(observation.usage).toEqual(editor.observation.usage);
    expect(observation.text).toBe(editor.observation.text);
  });

  test.each([
    "",
    "{",
    "[]",
    "null",
    "{}",
    '{"model":"m"}',
    '{"model":"m","messages":[]}',
    '{"model":"m","messages":[null]}',
    '{"model":1,"messages":[{"role":"user"}]}',
    '{"model":"m","messages":[{"role":"user"}],"tools":[7]}',
    '{"model":"m","messages":[{"role":"user"}],"stream":"yes"}',
  ])("refuses %p with an OpenAI error", async (body) => {
    const response = await ask(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { message: expect.stringMatching(/./), type: "invalid_request_error", param: null, code: null },
    });
  });

  test("pauses between the pieces of a slow model, and stops when it is told to", async () => {
    const stop = createStopSignal();
    const reader = (await ask({ model: "demo-slow", messages, stream: true }, stop)).body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toMatch(/^data: [^\n]*\n\n$/);
    stop.stop(new Error("stopped"));
    const rest = async (): Promise<void> => {
      for (let done = false; !done;) done = (await reader?.read())?.done ?? true;
    };
    expect(await rest().catch((error: unknown) => String(error))).toContain("stopped");
  });
});
