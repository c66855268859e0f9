import type { ClientView, Target } from "../../../src/protocols/canonical/codec.ts";
import type { Conversation, Part, Turn } from "../../../src/protocols/canonical/conversation.ts";
import { ordinaryTraits, type ModelTraits } from "../../../src/protocols/canonical/model-traits.ts";
import { anthropicMessages } from "../../../src/protocols/anthropic-messages/index.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { conversationOf, viewOf as clientView } from "../../support/conversation.ts";
import { anthropicMessagesWire } from "../../support/wire/anthropic-messages.ts";
import type { Script } from "../../support/wire/wire.ts";
import { encodeEvents } from "../whole-stream.ts";

export const { codec } = anthropicMessages;
export const wire = anthropicMessagesWire;

/** What the newest Claude models take. */
const newestTraits: ModelTraits = {
  ...ordinaryTraits,
  sampling: "none",
  highestTemperature: 1,
  maxOutputTokens: 128_000,
  thinking: "adaptive",
  prefill: false,
  systemAnywhere: true,
};

/** A Claude that thinks by a budget. */
const olderTraits: ModelTraits = {
  ...ordinaryTraits,
  sampling: "one",
  highestTemperature: 1,
  maxOutputTokens: 64_000,
  thinking: "budget",
  prefill: true,
  systemAnywhere: false,
};

export function targetOf(traits: Partial<ModelTraits> = {}): Target {
  return { model: "claude-opus-5", provider: "anthropic", origin: "claude", traits: { ...newestTraits, ...traits } };
}

export const newest: Target = targetOf();
export const older: Target = { ...targetOf(olderTraits), model: "claude-sonnet-4-5" };

export function text(value: string): Part {
  return { type: "text", text: value };
}

export function call(id: string, name = "get_weather", input = '{"city":"Paris"}'): Part {
  return { type: "tool_call", id, name, kind: "function", input };
}

export function result(callId: string, value = "sunny"): Part {
  return { type: "tool_result", callId, parts: value === "" ? [] : [{ type: "text", text: value }], isError: false };
}

export function turn(role: Turn["role"], ...parts: Part[]): Turn {
  return { role, parts };
}

export const weatherTool = {
  name: "get_weather",
  kind: "function" as const,
  description: "Tells the weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

type Body = Record<string, unknown> & {
  messages: { role: string; content: Record<string, unknown>[] }[];
};

/** A conversation as it would go to Anthropic, checked against what Anthropic refuses. */
export function encoded(changes: Partial<Conversation>, target: Target = newest) {
  const { body, losses, toolNames, answerTool } = codec.request.encode(conversationOf(changes), target);
  const sent = JSON.parse(JSON.stringify(body)) as Body;
  const violations = violationsOf(sent);
  if (violations.length > 0)
    throw new Error(`Anthropic refuses: ${violations.join(" · ")}\n${JSON.stringify(sent, null, 1)}`);
  return { body: sent, losses, fields: losses.map(({ field }) => field), toolNames, answerTool };
}

/** What these turns come to with a tool at hand. */
export const messagesOf = (...turns: Conversation["turns"]) => encoded({ turns, tools: [weatherTool] });

/** Messages in short: `assistant text tool_use`. */
export function rolesOf(messages: Body["messages"]): string[] {
  return messages.map(({ role, content }) => [role, ...content.map(({ type }) => type)].join(" "));
}

export function violationsOf(body: unknown, headers: Record<string, string> = {}): string[] {
  const all = { "content-type": "application/json", "x-api-key": "k", "anthropic-version": "2023-06-01", ...headers };
  return wire.violationsOf({ method: "POST", path: "/v1/messages", headers: new Headers(all), body });
}

export function viewOf(changes: Partial<ClientView> = {}): ClientView {
  const conversation = conversationOf({ protocol: "anthropic-messages" });
  return clientView({ conversation, estimatedInputTokens: 77, ...changes });
}

/** What a client gets for events (UTF-8), checked for its life cycle. */
export function streamFor(events: Iterable<StreamEvent>, view: ClientView = viewOf()): string {
  const stream = utf8OfLatin1(encodeEvents(codec.stream.createEncoder(view), events));
  const problems = wire.problemsOf(stream);
  if (problems.length > 0) throw new Error(`${problems.join(" · ")}\n${stream}`);
  return stream;
}

/** Events of an upstream's stream (UTF-8), in pieces of a length. */
export function eventsFrom(stream: string, pieceLength = Infinity): StreamEvent[] {
  const decoder = codec.stream.createDecoder({ origin: "claude" });
  const bytes = latin1OfUtf8(stream);
  const events: StreamEvent[] = [];
  for (let at = 0; at < bytes.length; at += pieceLength)
    events.push(...decoder.push(bytes.slice(at, at + pieceLength)));
  return [...events, ...decoder.end()];
}

export interface ShownEvent {
  name: string;
  data: Record<string, unknown>;
}

export function shownEvents(stream: string): ShownEvent[] {
  return stream
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => {
      const [name = "", data = ""] = part.split("\n");
      return {
        name: name.slice("event: ".length),
        data: JSON.parse(data.slice("data: ".length)) as Record<string, unknown>,
      };
    });
}

export const scripts: Readonly<Record<string, Script>> = {
  text: {
    id: "msg_01ABC",
    model: "claude-opus-5",
    parts: [{ type: "text", text: "Grüße aus 東京 👋🏽, “ok”\n\ndata: x" }],
    finish: "end",
    usage: { input: 20, cacheRead: 2606, cacheWrite: 3, output: 12, reasoning: 0 },
  },
  thinking: {
    id: "msg_02",
    model: "claude-opus-5",
    parts: [
      { type: "reasoning", text: "Let me think… 🤔", signature: "EqoB+/==" },
      { type: "text", text: "Forty-two." },
    ],
    finish: "end",
    usage: { input: 9, cacheRead: 0, cacheWrite: 0, output: 5, reasoning: 30 },
  },
  tools: {
    id: "msg_03",
    model: "claude-opus-5",
    parts: [
      { type: "text", text: "I look." },
      { type: "tool_call", id: "toolu_1", name: "get_weather", input: '{"city":"Zürich","days":[1,2]}' },
      { type: "tool_call", id: "toolu_2", name: "now", input: "{}" },
    ],
    finish: "tool_calls",
    usage: { input: 40, cacheRead: 0, cacheWrite: 0, output: 25, reasoning: 0 },
  },
  cut: {
    id: "msg_04",
    model: "claude-opus-5",
    parts: [{ type: "text", text: "To be contin" }],
    finish: "length",
    usage: { input: 4, cacheRead: 0, cacheWrite: 0, output: 6, reasoning: 0 },
  },
  silent: {
    id: "msg_05",
    model: "claude-opus-5",
    parts: [{ type: "reasoning", text: "", signature: "EqoBomitted" }],
    finish: "filtered",
    usage: { input: 4, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 8 },
  },
};
