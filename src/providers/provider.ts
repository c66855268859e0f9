import type { ProviderConfig } from "../config/schema.ts";
import type { StopSignal } from "../lib/stop-signal.ts";
import type { Rates } from "../prices/price.ts";
import type { EmbeddingDialect } from "../protocols/embeddings/embedding.ts";
import type { ProtocolId } from "../protocols/protocol.ts";

/** What a provider's list says of a model; `undefined` = it does not say. */
export interface ModelFacts {
  id: string;
  /** Epoch seconds. */
  created: number | undefined;
  contextLength: number | undefined;
  maxOutputTokens: number | undefined;
  capabilities: { tools: boolean; vision: boolean; reasoning: boolean } | undefined;
  /** US dollars for a million tokens. */
  pricing: Rates | undefined;
  /** Request fields the model takes, by OpenAI's names. */
  supportedParameters?: readonly string[] | undefined;
}

export interface ModelPage {
  models: ModelFacts[];
  /** Where the list goes on. */
  next: URL | undefined;
}

/** A request for a provider that answers inside the process. */
export interface LocalRequest {
  body: Uint8Array<ArrayBuffer>;
  stop: StopSignal;
}

/** What decides where a request goes at a provider. */
export interface EndpointCall {
  /** Of the provider's configuration, without a slash at its end. */
  baseUrl: string;
  /** Azure only. */
  apiVersion: string | undefined;
  protocol: ProtocolId;
  /** The upstream's name of the model. */
  model: string;
  stream: boolean;
}

/** Embeddings at a provider: in which words, and where. */
export interface EmbeddingEndpoint {
  dialect: EmbeddingDialect;
  url(call: { baseUrl: string; apiVersion: string | undefined; model: string }): URL;
}

/** A kind of upstream: what is its own about it. Stateless; the configured ones are made of it. */
export interface Provider {
  readonly id: ProviderConfig["type"];
  endpoint(call: EndpointCall): URL;
  /** Adds the credential, and the headers this upstream wants besides. */
  authorize(headers: Record<string, string>, credential: string | undefined): void;
  /** Where the models are listed and how to read a page of it; `undefined` when it is no list. */
  readonly models?: { url(baseUrl: string): URL; read(page: unknown, from: URL): ModelPage | undefined };
  readonly embeddings?: EmbeddingEndpoint;
  /** Where OpenAI's other endpoints (`/images/generations`, `/moderations` …) are, at providers that have them. */
  openaiEndpoint?(call: { baseUrl: string; apiVersion: string | undefined; model: string; path: string }): URL;
  /** Where tokens are counted by the upstream itself, in one of its protocols. */
  readonly countTokens?: Partial<Record<ProtocolId, (call: { baseUrl: string; model: string }) => URL>>;
  /** Answers of /responses can be asked for again by their id. */
  readonly keepsResponses?: true;
  /** Answers without a network. */
  respond?(request: LocalRequest): Promise<Response>;
}
