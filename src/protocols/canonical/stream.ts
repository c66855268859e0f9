import type { GatewayError } from "../../errors.ts";
import type { Usage } from "../../telemetry/request-record.ts";
import type { Finish, ImagePart, Opaque } from "./conversation.ts";

/** What a part of a stream is, known at its start. */
export type StreamPart =
  | { type: "text" }
  | { type: "reasoning"; isSummary?: boolean | undefined }
  | { type: "refusal" }
  | { type: "tool_call"; id: string; name: string; kind: "function" | "custom" }
  /** A whole picture: no delta follows. */
  | { type: "image"; image: ImagePart };

/**
 * A stream in the form between two protocols. Its grammar, which decoders keep and encoders may rely on:
 * `start` · then parts one after another, each `part-start` · `part-delta`* · `part-opaque`* · `part-stop`, never two open at
 * once · `usage` anywhere behind `start`, the last one counts · `finish` once, behind all parts · or `error` instead, after
 * which nothing comes. A stream that was cut has neither `finish` nor `error`.
 */
export type StreamEvent =
  | { type: "start"; id: string; model: string | undefined }
  /** `index` counts all parts of the stream from 0. */
  | { type: "part-start"; index: number; part: StreamPart }
  /** Text of the part, or of a tool call's input. Never empty. */
  | { type: "part-delta"; index: number; text: string }
  /** State that belongs to the part. */
  | { type: "part-opaque"; index: number; opaque: Opaque }
  | { type: "part-stop"; index: number }
  | { type: "usage"; usage: Usage; costUsd: number | undefined }
  /** Log probabilities of text that was just sent, in OpenAI's shape. */
  | { type: "logprobs"; logprobs: unknown }
  | { type: "finish"; finish: Finish }
  | { type: "error"; error: GatewayError };

/** An upstream's stream (latin1) as events. One per stream; never throws. */
export interface StreamDecoder {
  /** The next piece, cut anywhere. */
  push(chunk: string): StreamEvent[];
  /** The upstream ended its body: what was still held back. No `finish` here when the protocol's terminal event never came. */
  end(): StreamEvent[];
  /** The terminal event was seen; nothing behind it counts. */
  isEnded(): boolean;
  /** The answer is whole; only its usage may still come. */
  isComplete?(): boolean;
  /** Characters held back because their event is not complete. */
  waiting(): number;
}

/** Events as a client's stream (latin1). One per stream; keeps its own life cycle whole whatever comes in. */
export interface StreamEncoder {
  push(event: StreamEvent): string;
  /** Names that were given to reasoning parts so that a client can name them again: name → index of the part. */
  readonly references?: ReadonlyMap<string, number>;
  /** The ending of a stream that broke, from wherever it is: the client must not take it for a whole answer. */
  fail(error: GatewayError): string;
}
