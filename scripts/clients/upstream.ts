// The model behind the agents' models: it calls a tool that writes a file, and answers when the result has come back.
import type { ProtocolName } from "../../src/config/protocol-names.ts";
import { askedIn, type Asked } from "../../test/support/replay-asked.ts";
import { at, fieldsOf, stringOf } from "../../test/support/replay-fields.ts";
import { anthropicMessagesWire } from "../../test/support/wire/anthropic-messages.ts";
import { geminiGenerateWire } from "../../test/support/wire/gemini-generate.ts";
import { ollamaChatWire } from "../../test/support/wire/ollama-chat.ts";
import { openaiResponsesWire } from "../../test/support/wire/openai-responses.ts";
import type { PlayedRequest, Script, ScriptPart } from "../../test/support/wire/wire.ts";
import { chatWire, type UpstreamWire } from "./chat-wire.ts";
import { chooseTool, type FileToWrite } from "./tool-call.ts";

export interface Task {
  file: FileToWrite;
  /** Stands in the final answer. */
  marker: string;
  /** Refuses the request that would have been answered by the tool call. */
  refusal?: { status: number; message: string };
}

export interface SeenRequest {
  protocol: ProtocolName;
  played: PlayedRequest;
  asked: Asked;
  isStream: boolean;
  /** What the real upstream would have refused. */
  violations: string[];
  /** Whether the reply held state that must come back with the tool's result. */
  isStateful: boolean;
  /** What was played: `call NAME`, `final`, `aside` (no tools were offered), `forgotten` or `refusal`. */
  reply: string;
}

/** One HTTP server that speaks the upstream side of five protocols, for one agent at a time. */
export interface AgentUpstream extends AsyncDisposable {
  readonly origin: string;
  readonly seen: readonly SeenRequest[];
  /** Paths at which there is nothing. */
  readonly strays: readonly string[];
  /** Forgets what was seen. */
  begin(task: Task): void;
}

export const signature = Buffer.from("the state of these thoughts, öpaque").toString("base64");
const usage = { input: 1200, cacheRead: 100, cacheWrite: 0, output: 40, reasoning: 10 };

const paths: Readonly<Record<string, ProtocolName>> = {
  "/openai/v1/chat/completions": "openai-chat",
  "/openai/v1/responses": "openai-responses",
  "/v1/messages": "anthropic-messages",
  "/api/chat": "ollama-chat",
};
const wires: Readonly<Partial<Record<ProtocolName, UpstreamWire>>> = {
  "openai-chat": chatWire,
  "openai-responses": openaiResponsesWire,
  "anthropic-messages": anthropicMessagesWire,
  "gemini-generate": geminiGenerateWire,
  "ollama-chat": ollamaChatWire,
};

function protocolOf(path: string): ProtocolName | undefined {
  if (/^\/v1beta\/models\/[^/]+:(?:streamGenerate|generate)Content$/.test(path)) return "gemini-generate";
  return paths[path];
}

const otherReplies: readonly (readonly [RegExp, unknown])[] = [
  [/\/count_tokens$/, { input_tokens: 1200 }],
  [/:countTokens$/, { totalTokens: 1200 }],
  [/^\/api\/show$/, { details: {}, model_info: {}, capabilities: ["completion", "tools"] }],
];

/** It keeps nothing itself, as many that speak OpenAI's protocol; clients send the whole conversation then. */
const forgotten = {
  error: {
    message: "The previous response is not known here.",
    type: "invalid_request_error",
    param: "previous_response_id",
    code: "previous_response_not_found",
  },
};

/** What is said to requests without tools: titles, summaries, questions about the conversation. */
function aside({ schema }: Asked): string {
  const names = Object.keys(fieldsOf(fieldsOf(schema)["properties"]));
  if (names.length === 0) return "A short title";
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, "A short title"])));
}

interface Reply {
  /** Short, for the record. */
  name: string;
  parts: ScriptPart[];
}

/** Thoughts come only where the request wants them in a form whose state can be given back. */
function wantsThoughts(protocol: ProtocolName, body: unknown): boolean {
  if (protocol === "anthropic-messages")
    return ["enabled", "adaptive"].includes(stringOf(at(body, "thinking", "type")));
  const include = at(body, "include");
  return protocol === "openai-responses" && Array.isArray(include) && include.includes("reasoning.encrypted_content");
}

interface Stage {
  task: Task;
  protocol: ProtocolName;
  played: PlayedRequest;
  isFinished: boolean;
}

function replyTo(asked: Asked, { task, protocol, played, isFinished }: Stage): Reply {
  if (asked.results.length > 0 || (isFinished && asked.tools.length > 0))
    return { name: "final", parts: [{ type: "text", text: `Das wäre geschafft – ${task.marker} 👋🏽` }] };
  const tool = chooseTool(asked.tools, task.file);
  if (tool === undefined) return { name: "aside", parts: [{ type: "text", text: aside(asked) }] };
  const call: ScriptPart = { type: "tool_call", id: `call_${crypto.randomUUID().slice(0, 8)}`, ...tool };
  const name = `call ${tool.name}`;
  if (protocol === "gemini-generate") return { name, parts: [{ ...call, signature }] };
  if (!wantsThoughts(protocol, played.body)) return { name, parts: [call] };
  return { name, parts: [{ type: "reasoning", text: "A file is wanted; I have a tool for that.", signature }, call] };
}

function isStateful({ parts }: Reply): boolean {
  return parts.some((part) => part.type !== "text" && part.signature !== undefined);
}

function scriptOf({ name, parts }: Reply, model: string): Script {
  const finish = name.startsWith("call ") ? "tool_calls" : "end";
  // VS Code forgets a conversation whose ids begin otherwise.
  return { id: `resp_${crypto.randomUUID().replaceAll("-", "")}`, model, parts, finish, usage };
}

function responseOf(wire: UpstreamWire, script: Script, isStream: boolean): Response {
  const { contentType, ...content } = isStream ? wire.stream(script) : wire.whole(script);
  const body = "events" in content ? content.events.join("") : content.body;
  return new Response(body, { headers: { "content-type": contentType } });
}

export function createAgentUpstream(port: number): AgentUpstream {
  let task: Task | undefined;
  let isFinished = false;
  const seen: SeenRequest[] = [];
  const strays: string[] = [];

  function converse(protocol: ProtocolName, played: PlayedRequest): Response {
    const wire = wires[protocol];
    if (wire === undefined || task === undefined) return new Response("nothing to do", { status: 500 });
    const asked = askedIn(protocol, played);
    const isStream = wire.wantsStream(played);
    const reply = replyTo(asked, { task, protocol, played, isFinished });
    const record = {
      protocol,
      played,
      asked,
      isStream,
      violations: wire.violationsOf(played),
      isStateful: isStateful(reply),
      reply: reply.name,
    };
    seen.push(record);
    if (at(played.body, "previous_response_id") !== undefined) {
      record.reply = "forgotten";
      return Response.json(forgotten, { status: 400 });
    }
    if (task.refusal !== undefined && reply.name.startsWith("call ")) {
      const { status, message } = task.refusal;
      record.reply = "refusal";
      const { contentType, body } = wire.refusal(status, message);
      return new Response(body, { status, headers: { "content-type": contentType } });
    }
    if (reply.name === "final") isFinished = true;
    const model = stringOf(fieldsOf(played.body)["model"]) || "the-model";
    return responseOf(wire, scriptOf(reply, model), isStream);
  }

  async function answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const { method, headers } = request;
    const protocol = method === "POST" ? protocolOf(pathname) : undefined;
    if (protocol !== undefined) {
      const body: unknown = await request.json().catch(() => undefined);
      return converse(protocol, { method, path: pathname + search, headers, body });
    }
    const other = otherReplies.find(([pattern]) => pattern.test(pathname));
    if (other !== undefined) return Response.json(other[1]);
    strays.push(`${method} ${pathname}`);
    return Response.json({ error: { message: "Not Found" } }, { status: 404 });
  }

  const server = Bun.serve({ hostname: "127.0.0.1", port, fetch: answer, idleTimeout: 60 });
  return {
    origin: `http://127.0.0.1:${port}`,
    seen,
    strays,
    begin(next) {
      task = next;
      isFinished = false;
      seen.length = 0;
      strays.length = 0;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
