import type { ProviderConfig } from "../config/schema.ts";
import type { StopSignal } from "../lib/stop-signal.ts";
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
  pricing: { input: number; output: number } | undefined;
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

/** A kind of upstream: what it speaks and what is its own about it. Stateless; the configured ones are made of it. */
export interface Provider {
  readonly id: ProviderConfig["type"];
  /** In order of preference. */
  readonly protocols: readonly ProtocolId[];
  endpoint(baseUrl: string, protocol: ProtocolId): URL;
  /** Adds the credential, and the headers this upstream wants besides. */
  authorize(headers: Record<string, string>, credential: string | undefined): void;
  /** Where the models are listed and how to read a page of it; `undefined` when it is no list. */
  readonly models?: { url(baseUrl: string): URL; read(page: unknown, from: URL): ModelPage | undefined };
  /** Answers without a network. */
  respond?(request: LocalRequest): Promise<Response>;
}
