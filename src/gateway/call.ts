import type { PathFacts } from "../protocols/canonical/codec.ts";
import type { KeyGrant } from "../keys/virtual-key.ts";
import type { Protocol } from "../protocols/protocol.ts";

/** What every request of an authenticated client has, as the HTTP side hands it over. */
export interface ClientCall {
  body: Uint8Array<ArrayBuffer>;
  /** The client's own headers. */
  headers: Headers;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  keyId: string;
  /** The virtual key that was presented, if one was. */
  grant?: KeyGrant | undefined;
  /** May steer its requests with x-orcestator-* headers. */
  maySteer: boolean;
  clientAddress: string | undefined;
  requestId: string;
  /** Epoch milliseconds. */
  startedAt: number;
  /** `performance.now()` at arrival. */
  startedTick: number;
  /** The client's connection may stay silent (`true`) until it is said that the usual limit counts again. */
  allowSilence(isAllowed: boolean): void;
}

/** A conversation in a protocol. */
export interface InferenceCall extends ClientCall {
  protocol: Protocol;
  /** What the URL says besides the body. */
  path?: PathFacts | undefined;
}
