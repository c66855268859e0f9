import type { Protocol } from "../protocols/protocol.ts";

/** One request of an authenticated client, as the HTTP side hands it over. */
export interface InferenceCall {
  protocol: Protocol;
  body: Uint8Array<ArrayBuffer>;
  /** The client's own headers. */
  headers: Headers;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  keyId: string;
  clientAddress: string | undefined;
  requestId: string;
  /** Epoch milliseconds. */
  startedAt: number;
  /** `performance.now()` at arrival. */
  startedTick: number;
  /** The client's connection may stay silent (`true`) until it is said that the usual limit counts again. */
  allowSilence(isAllowed: boolean): void;
}
