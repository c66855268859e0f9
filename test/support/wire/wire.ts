import type { ProtocolId } from "../../../src/protocols/protocol.ts";

/** An answer to be played, in nobody's words; each protocol's file in this folder says it in its own. */
export interface Script {
  id: string;
  model: string;
  parts: readonly ScriptPart[];
  finish: "end" | "length" | "tool_calls" | "filtered";
  usage: { input: number; cacheRead: number; cacheWrite: number; output: number; reasoning: number };
}

export type ScriptPart =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string; signature?: string | undefined }
  /** `input` is JSON text. */
  | { type: "tool_call"; id: string; name: string; input: string; signature?: string | undefined };

export interface PlayedRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: Headers;
  body: unknown;
}

/** What tests know of a protocol, written from its documentation and not from our codecs. */
export interface WireProtocol {
  id: ProtocolId;
  /** What the real upstream would refuse in a request; empty = valid. Strict: unknown fields, wrong types, wrong order of turns, missing ids. */
  violationsOf(request: PlayedRequest): string[];
  /** Whether the request asks for a stream. */
  wantsStream(request: PlayedRequest): boolean;
  whole(script: Script): { contentType: string; body: string };
  /** The messages of a stream, in the pieces a real upstream would flush; text is cut into several deltas. */
  stream(script: Script): { contentType: string; events: string[] };
  /** A refusal with a status. */
  refusal(status: number, message: string): { contentType: string; body: string };
  /** What ends a stream that breaks in the middle. */
  failureInStream(message: string): string;
  /** What is wrong with a stream that a client of this protocol got: the life cycle, ids, order, terminal events. Empty = right. */
  problemsOf(stream: string): string[];
  /** What a client of this protocol makes of a stream or of a whole answer, for comparing the two. */
  contentOf(answer: string): PlayedAnswer;
}

export interface PlayedAnswer {
  text: string;
  reasoning: string;
  calls: { name: string; input: unknown }[];
  /** The protocol's own word. */
  finish: string | undefined;
  /** The protocol's own usage object. */
  usage: unknown;
}
