import type { Usage } from "../../telemetry/request-record.ts";
import type { ProtocolId } from "../protocol.ts";

/**
 * The form between two protocols: ordered parts, a superset of what each protocol has. A decoder keeps the order and the
 * text of everything; what has no place here goes to `extra`, so that an encoder can say what it leaves out.
 */

/** State that only its maker can read (signatures, encrypted reasoning). It is carried, never looked into. */
export interface Opaque {
  /** Whose it is: `Target.origin` of the upstream that made it; empty when a client sent it as it came from upstream. */
  origin: string;
  kind:
    | "anthropic-signature"
    | "anthropic-redacted"
    | "gemini-signature"
    | "openai-encrypted"
    | "reasoning-details"
    | "reference";
  data: string;
}

/** Where a picture, a sound or a file is. */
export type Source =
  | { kind: "base64"; mediaType: string; data: string }
  | { kind: "url"; url: string }
  /** A file that the provider of this protocol keeps. */
  | { kind: "file-id"; id: string };

/** A mark behind which a prompt cache may cut; `ttl` as the client wrote it, e.g. `5m`, `1h`, `30m`. */
export interface CacheMark {
  ttl: string | undefined;
}

export interface TextPart {
  type: "text";
  text: string;
  cache?: CacheMark | undefined;
  /** The upstream's own list of sources, unread. */
  citations?: readonly unknown[] | undefined;
}

export interface ReasoningPart {
  type: "reasoning";
  /** May be empty: some upstreams give only the opaque state. */
  text: string;
  /** The text is a summary and not the thoughts themselves. */
  isSummary?: boolean | undefined;
  opaque: readonly Opaque[];
}

export interface ToolCallPart {
  type: "tool_call";
  id: string;
  name: string;
  /** `custom`: `input` is free text and not JSON. */
  kind: "function" | "custom";
  /** The arguments as JSON text, exactly as they came; free text for a custom tool. `""` = none. */
  input: string;
  /** State of this very call (Gemini's thought signature). */
  opaque?: readonly Opaque[] | undefined;
  cache?: CacheMark | undefined;
}

export interface ToolResultPart {
  type: "tool_result";
  callId: string;
  /** The tool's name, where the client said it; else the encoder looks it up by `callId`. */
  name?: string | undefined;
  parts: readonly (TextPart | ImagePart | FilePart | OpaquePart)[];
  isError: boolean;
  cache?: CacheMark | undefined;
}

export interface ImagePart {
  type: "image";
  source: Source;
  detail?: string | undefined;
  cache?: CacheMark | undefined;
}

export interface AudioPart {
  type: "audio";
  source: Source;
}

/** PDFs and other documents. */
export interface FilePart {
  type: "file";
  source: Source;
  name?: string | undefined;
  cache?: CacheMark | undefined;
}

export interface RefusalPart {
  type: "refusal";
  text: string;
}

/** A part that only its own protocol knows. */
export interface OpaquePart {
  type: "opaque";
  protocol: ProtocolId;
  value: unknown;
}

export type Part =
  | TextPart
  | ReasoningPart
  | ToolCallPart
  | ToolResultPart
  | ImagePart
  | AudioPart
  | FilePart
  | RefusalPart
  | OpaquePart;

/** Tool results stand in turns of their own (`tool`), one or more in each; calls stand in `assistant` turns. */
export interface Turn {
  role: "system" | "developer" | "user" | "assistant" | "tool";
  parts: readonly Part[];
}

export interface Tool {
  /** One flat name, unique among the tools of a request. */
  name: string;
  kind: "function" | "custom";
  description?: string | undefined;
  /** JSON Schema of a function's arguments; `undefined` = it takes none. */
  parameters?: Readonly<Record<string, unknown>> | undefined;
  strict?: boolean | undefined;
  cache?: CacheMark | undefined;
  /** Grammar of a custom tool's text, as the client wrote it. */
  format?: unknown;
  /** Responses groups tools: the client knows this one as `name` inside `namespace`. */
  namespace?: { namespace: string; name: string } | undefined;
}

export type ToolChoice =
  | { type: "auto" }
  | { type: "none" }
  | { type: "required" }
  /** One tool, by its flat name. */
  | { type: "tool"; name: string }
  | { type: "subset"; mode: "auto" | "required"; names: readonly string[] };

export type OutputFormat =
  | { type: "text" }
  | { type: "json" }
  | {
      type: "schema";
      name: string | undefined;
      description: string | undefined;
      schema: Readonly<Record<string, unknown>>;
      strict: boolean | undefined;
    };

export const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
export type Effort = (typeof efforts)[number];

export interface ReasoningWish {
  /** How hard to think; `none` = not at all. */
  effort?: Effort | undefined;
  /** Tokens to think with; `dynamic` = as many as the model finds right. */
  budget?: number | "dynamic" | undefined;
  /** The client wants to see the thoughts (`true`), or not (`false`). */
  isShown?: boolean | undefined;
  /** How detailed a summary shall be, in OpenAI's words. */
  summary?: string | undefined;
}

/** A request in the form between two protocols. `undefined` = the client did not say. */
export interface Conversation {
  protocol: ProtocolId;
  model: string | undefined;
  stream: boolean;
  turns: readonly Turn[];
  tools: readonly Tool[];
  toolChoice?: ToolChoice | undefined;
  /** `false` = one call at a time. */
  parallelToolCalls?: boolean | undefined;
  maxOutputTokens?: number | undefined;
  temperature?: number | undefined;
  topP?: number | undefined;
  topK?: number | undefined;
  minP?: number | undefined;
  presencePenalty?: number | undefined;
  frequencyPenalty?: number | undefined;
  repetitionPenalty?: number | undefined;
  logitBias?: Readonly<Record<string, number>> | undefined;
  seed?: number | undefined;
  stop: readonly string[];
  /** How many answers. */
  count?: number | undefined;
  /** Log probabilities, and how many alternatives of each token (0 = only the token's own). */
  logprobs?: { top: number } | undefined;
  format?: OutputFormat | undefined;
  reasoning?: ReasoningWish | undefined;
  verbosity?: string | undefined;
  /** Groups requests that share a prompt cache. */
  cacheKey?: string | undefined;
  /** Anthropic's mark on the request as a whole. */
  cache?: CacheMark | undefined;
  /** Who the client's own user is. */
  user?: string | undefined;
  serviceTier?: string | undefined;
  metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Everything else of the client's body that means something, by the client's own field name. Never `model`, `stream` or transport settings. */
  extra: Readonly<Record<string, unknown>>;
  /** Parts and tools of the body that the decoder had to leave out, e.g. a hosted tool. */
  losses: readonly Loss[];
}

/** Something that could not be carried to the other side. */
export interface Loss {
  /** The client's own field name or path, e.g. `logit_bias`, `messages[3].content[1]`. */
  field: string;
  /** A few words, lower case, no full stop: `not supported by anthropic-messages`. */
  reason: string;
}

export type FinishReason =
  | "end"
  /** A stop sequence was hit. */
  | "stop"
  | "length"
  /** The context window is full. */
  | "context"
  | "tool_calls"
  | "filtered"
  | "pause"
  | "error";

export interface Finish {
  reason: FinishReason;
  /** The upstream's own word. */
  raw: string | undefined;
  /** Which stop sequence was hit, where it is known. */
  stopSequence?: string | undefined;
}

/** An answer in one piece, in the form between two protocols. */
export interface Answer {
  /** The upstream's id; empty when it gives none. */
  id: string;
  model: string | undefined;
  parts: readonly Part[];
  finish: Finish;
  usage: Usage | undefined;
  /** US dollars, where the upstream reports them. */
  costUsd: number | undefined;
  /** OpenAI's shape (`{content: […]}`), where the upstream gave any. */
  logprobs?: unknown;
}
