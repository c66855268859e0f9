import type { Answer, Conversation, Loss } from "./conversation.ts";
import type { ModelTraits } from "./model-traits.ts";
import type { StreamDecoder, StreamEncoder } from "./stream.ts";

/** Where a translated request goes. */
export interface Target {
  /** The name the upstream knows. */
  model: string;
  /** Type of the provider, e.g. `openrouter`, `groq`. */
  provider: string;
  /** Marks what this upstream makes for itself alone: only its own `Opaque`s are given back to it. */
  origin: string;
  /** What the model takes. */
  traits: ModelTraits;
}

export interface EncodedRequest {
  /** The body as a JSON value. */
  body: Readonly<Record<string, unknown>>;
  losses: readonly Loss[];
  /** Tools that had to be renamed: the name upstream → the conversation's. */
  toolNames?: ReadonlyMap<string, string> | undefined;
  /** The upstream is made to call this tool instead of writing JSON: its input is the answer's text. */
  answerTool?: string | undefined;
}

/** What a client must find in an answer. */
export interface ClientView {
  /** What `model` shall say. */
  model: string;
  /** The request, and the body it was read from, for protocols that repeat it. */
  conversation: Conversation;
  body: Readonly<Record<string, unknown>>;
  /** The client asked for usage in the stream. */
  wantsUsage: boolean;
  /** Epoch milliseconds of the request. */
  startedAt: number;
  /** Gemini's streams come as events or as one JSON array. */
  framing: "events" | "array";
  /** Rough input size, for protocols whose stream begins with it. */
  estimatedInputTokens: number;
  /** Id for the answer where the gateway keeps it (`resp_…`); else the encoder makes one. */
  answerId?: string | undefined;
}

/**
 * Translation of one protocol from and to the form between. Pure. Decoders never throw on what an upstream sent; they skip
 * what they do not know. Request decoders throw GatewayError (400) that names the field where a body cannot be read;
 * encoders throw it where something must not be left out (`Loss` is for what may).
 */
export interface Codec {
  request: {
    /** `body` is the parsed request; `path` what a protocol says in its URL. */
    decode(body: Readonly<Record<string, unknown>>, path: PathFacts): Conversation;
    encode(conversation: Conversation, target: Target): EncodedRequest;
  };
  answer: {
    /** Throws GatewayError (502) when the value is no answer of this protocol, or the failure it holds. */
    decode(value: unknown, target: Pick<Target, "origin">): Answer;
    encode(answer: Answer, view: ClientView): unknown;
  };
  stream: {
    createDecoder(target: Pick<Target, "origin">): StreamDecoder;
    createEncoder(view: ClientView): StreamEncoder;
  };
}

/** What a URL says of a request (Gemini names model and streaming there). */
export interface PathFacts {
  model?: string | undefined;
  stream?: boolean | undefined;
  /** The stream shall be one JSON array. */
  isArray?: boolean | undefined;
}
