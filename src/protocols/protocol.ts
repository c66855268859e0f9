import type { ProtocolName } from "../config/protocol-names.ts";
import type { GatewayError } from "../errors.ts";
import type { JsonEdit } from "../lib/json-edit.ts";
import type { ScannedObject } from "../lib/json-scan.ts";
import type { Usage } from "../telemetry/request-record.ts";
import type { Codec, PathFacts } from "./canonical/codec.ts";

export type ProtocolId = ProtocolName;

/** What the gateway must know of a request, read by a scan and without building its objects. */
export interface Envelope {
  /** The whole body, one character a byte. */
  readonly text: string;
  /** The body's members: who wants to know more of it need not go through it again. */
  readonly object: ScannedObject;
  /** As asked; `undefined` when the request names none. */
  readonly model: string | undefined;
  readonly stream: boolean;
  /** The client itself asked for usage in the stream. */
  readonly wantsUsage: boolean;
  /** Text of the last user message, at most `limit` characters; parses only that message. */
  lastUserText(limit: number): string | undefined;
  /**
   * Edits that make the body ready for a target; everything else stays as the client wrote it. `origin` is the upstream's
   * mark: what it made itself and was sealed for the client is opened, other upstreams' is left out.
   */
  edits(target: { model: string; injectUsage: boolean; origin?: string }): JsonEdit[];
}

/** What was read of an answer while it went by. */
export interface Observation {
  usage: Usage | undefined;
  costUsd: number | undefined;
  upstreamId: string | undefined;
  /** The model that the upstream says it served. */
  model: string | undefined;
  finishReason: string | undefined;
  /** The answer's text, as much as the content policy keeps. */
  text: string;
  /** Content-bearing events seen. */
  contentEvents: number;
  /** Of a stream: UTF-8 bytes of texts, thoughts and calls seen, about. What need not be parsed counts as it is written, with its escapes. */
  answerBytes: number;
}

export function newObservation(): Observation {
  return {
    usage: undefined,
    costUsd: undefined,
    upstreamId: undefined,
    model: undefined,
    finishReason: undefined,
    text: "",
    contentEvents: 0,
    answerBytes: 0,
  };
}

export interface EditorOptions {
  /** What `model` in the answer shall say; `undefined` leaves the upstream's. */
  modelShown: string | undefined;
  /** Drop the usage event that only the gateway asked for. */
  hideUsage: boolean;
  /** Characters of the answer's text to keep in the observation. */
  textLimit: number;
  /** How the client's stream is framed; only Gemini knows `array`. */
  framing?: "events" | "array" | undefined;
}

export interface StreamStep {
  /** Bytes for the client (latin1), whole events only; may be empty. */
  output: string;
  /** The upstream reported a failure in the stream; nothing behind it counts. */
  failure: GatewayError | undefined;
}

/**
 * Same lane: takes the upstream's stream as it comes, gives back the client's. A plain function over text, one per
 * stream. Broken events are forwarded as they are.
 */
export interface StreamEditor {
  push(chunk: string): StreamStep;
  /** The upstream ended its body: what was still held back. */
  end(): StreamStep;
  readonly observation: Observation;
  /** A content-bearing event has gone into `output`. */
  hasContent(): boolean;
  /** The protocol's own sign of a whole answer was seen; a body that ends without it was cut. */
  isComplete(): boolean;
  /** Nothing more may follow; the upstream can be let go. */
  isEnded(): boolean;
  /** The ending of a stream that broke, from where it is now (latin1). `undefined`: the protocol's `encodeInStream` does. */
  fail?(error: GatewayError): string;
}

export interface EditedAnswer {
  output: string;
  failure: GatewayError | undefined;
  observation: Observation;
}

/** A wire format and what can be done with it. Pure: no I/O. */
export interface Protocol {
  readonly id: ProtocolId;
  readonly operation: "chat";
  /** Throws GatewayError (400) where the body is no request of this protocol. `path` is what the URL says besides. */
  peek(text: string, limits: { maxDepth: number }, path?: PathFacts): Envelope;
  /** Same lane, answer in one piece (latin1). Throws GatewayError when it is no answer of this protocol. */
  editAnswer(text: string, options: EditorOptions): EditedAnswer;
  createStreamEditor(options: EditorOptions): StreamEditor;
  /** A whole answer (latin1) as the stream a client asked for, when an upstream ignored `stream`. */
  streamOf(answer: string): string;
  readonly error: {
    /** An upstream's refusal; never throws, whatever the body is. */
    decode(reply: { status: number; headers: Pick<Headers, "get">; body: string }): GatewayError;
    /** What a client of this protocol gets. */
    encode(error: GatewayError): { status: number; body: string; headers: Record<string, string> };
    /** The end of a stream that has begun and broke (latin1). */
    encodeInStream(error: GatewayError, observation: Observation, modelShown: string): string;
  };
  /** Header in which its clients look for the request's id, besides `x-request-id`. */
  readonly requestIdHeader?: string;
  /** A request without turns only asks for the model to be loaded: it is answered at once. */
  readonly loadsModels?: true;
  /** Keep-alive between events; empty where the protocol has none. */
  readonly heartbeat: string;
  /** `content-type` of its streams. */
  streamType(framing: "events" | "array"): string;
  /** Translation to and from other protocols. */
  readonly codec: Codec;
}
