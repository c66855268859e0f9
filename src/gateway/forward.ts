import { GatewayError, withoutSecret } from "../errors.ts";
import { isAscii } from "../lib/latin1.ts";
import type { Loss } from "../protocols/canonical/conversation.ts";
import { newObservation, type Observation, type Protocol } from "../protocols/protocol.ts";
import type { RequestFacts, Route } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { Operation } from "../telemetry/request-record.ts";
import { destinationOf } from "../transport/destination.ts";
import { requestHeadersFor, responseHeadersFor } from "../transport/headers.ts";
import { readAll, readShort, type UpstreamReply } from "../transport/reply.ts";
import { failureOfSend, sendUpstream } from "../transport/send.ts";
import type { ClientCall } from "./call.ts";
import type { Candidate } from "./exchange.ts";
import { warningsHeader, warningsOf } from "./losses.ts";
import { hopsHeader, nextHops } from "./loop.ts";
import { largestAnswer, longestErrorBody, readRefusal } from "./refusal.ts";

/** A request that is no conversation, ready for one target. */
export interface ForwardRequest {
  url: URL;
  method: string;
  body: Uint8Array<ArrayBuffer> | undefined;
  contentType: string | undefined;
  /** What could not be said to this target. */
  losses?: readonly Loss[];
}

/** An endpoint whose bytes pass, or are translated as a whole. */
export interface ForwardCall extends ClientCall {
  operation: Operation;
  /** Whose errors they are. */
  protocol: Protocol;
  /** For records: the endpoint in a word, e.g. `openai-images`. */
  wire: string;
  modelAsked: string;
  route: Route;
  facts: RequestFacts;
  /** What a virtual key pays for, where that is not what is asked for; without a model = nobody can tell what. */
  chargedAs?: Target | undefined;
  /** Below /p/: what the gateway itself would ask one model, and nothing that the provider keeps. */
  isModelCall?: boolean | undefined;
  /** Whether a target's provider has the endpoint at all. */
  isServedBy?: ((target: Target) => boolean) | undefined;
  /** The request for a target; `undefined` when its provider has no such endpoint. Throws GatewayError (400) where it cannot be said there. */
  requestFor(target: Target): ForwardRequest | undefined;
  /** The answer in the client's words, where they are not the upstream's. Throws GatewayError (502). */
  readAnswer?:
    | ((target: Target, body: Uint8Array) => { body: Uint8Array<ArrayBuffer>; observation: Observation })
    | undefined;
  /** An upstream's refusal goes to the client as it is, where it is not about the gateway's own credential. */
  passesRefusals: boolean;
  /** Usage in the answer is not this request's. */
  isUnmetered?: boolean;
  /** Asks for what an earlier request of the same caller made, which was let in. */
  isFollowUp?: boolean | undefined;
}

export interface Forwarded {
  status: number;
  headers: Record<string, string>;
  /** Whole, or still to be read. */
  body: Uint8Array<ArrayBuffer> | UpstreamReply;
  observation: Observation;
  /** What could not be said to the target. */
  losses: readonly Loss[];
}

const ownStatuses: readonly number[] = [401, 402, 403, 407, 429];

interface Sending {
  call: ForwardCall;
  candidate: Candidate;
  /** A request goes out now. */
  onSend(): void;
}

function unsupported({ wire }: ForwardCall, { upstream }: Target): GatewayError {
  const message = `The provider ${upstream.name} (${upstream.config.type}) has no such endpoint (${wire}); ask for a model of another provider.`;
  return new GatewayError({ code: "not_found", status: 404, message, param: "model" });
}

function headersFor({ call, candidate }: Sending, { contentType }: ForwardRequest): Record<string, string> {
  const { provider, config } = candidate.target.upstream;
  const headers = requestHeadersFor(call.headers);
  Object.assign(headers, config.headers);
  if (contentType !== undefined) headers["content-type"] = contentType;
  const accept = call.headers.get("accept");
  if (accept !== null) headers["accept"] = accept;
  headers["accept-encoding"] = "identity";
  headers["user-agent"] ??= "orcestator";
  headers[hopsHeader] = nextHops(call.headers);
  provider.authorize(headers, candidate.credential.key);
  return headers;
}

/** What a download is called goes along with its type. */
const bodyHeaders = ["content-type", "content-disposition"] as const;

async function opened(reply: UpstreamReply, { call, candidate }: Sending, losses: readonly Loss[]): Promise<Forwarded> {
  const headers = responseHeadersFor(reply.headers);
  for (const name of bodyHeaders) {
    const value = reply.headers.get(name);
    if (value !== null && isAscii(value)) headers[name] = value;
  }
  // A provider's file must not run as a page of the gateway.
  headers["x-content-type-options"] = "nosniff";
  headers["content-security-policy"] = "sandbox";
  if (losses.length > 0) headers[warningsHeader] = warningsOf(losses);
  if (call.readAnswer === undefined)
    return { status: reply.status, headers, body: reply, observation: newObservation(), losses };
  const { body, observation } = call.readAnswer(candidate.target, await readAll(reply, largestAnswer));
  headers["content-type"] = "application/json";
  return { status: 200, headers, body, observation, losses };
}

/** A refusal for the client as it is, but for the credential that it may quote. */
async function passedRefusal(reply: UpstreamReply, { candidate }: Sending): Promise<Forwarded> {
  const { status } = reply;
  const headers = responseHeadersFor(reply.headers);
  headers["content-type"] = reply.headers.get("content-type") ?? "text/plain";
  const text = await readShort(reply, longestErrorBody);
  const { key } = candidate.credential;
  const safe = key === undefined ? text : text.replaceAll(key, "…");
  return { status, headers, body: Buffer.from(safe), observation: newObservation(), losses: [] };
}

/** An answer's body whose breaking is told in the house's words. */
function inOurWords(reply: UpstreamReply, failureOf: (error: unknown) => GatewayError): UpstreamReply {
  return {
    status: reply.status,
    headers: reply.headers,
    async read() {
      try {
        return await reply.read();
      } catch (error) {
        throw failureOf(error);
      }
    },
    cancel: () => reply.cancel(),
  };
}

/** One try of a forwarded request: one target, one credential. Rejects with GatewayError. */
export async function forwardAttempt(sending: Sending): Promise<Forwarded> {
  const { call, candidate } = sending;
  const { stop } = candidate;
  const { upstream } = candidate.target;
  const request = call.requestFor(candidate.target);
  if (request === undefined) throw unsupported(call, candidate.target);
  const destination = destinationOf(request.url);
  const { timeouts, proxy } = upstream.config;
  const failureOf = (error: unknown): GatewayError => failureOfSend(error, stop, destination.host);
  try {
    const headers = headersFor(sending, request);
    sending.onSend();
    const answer = await sendUpstream({
      destination,
      method: request.method,
      headers,
      ...(request.body === undefined ? {} : { body: request.body }),
      stop,
      connectMs: timeouts.connect,
      proxy,
      ca: upstream.ca,
    });
    const reply = inOurWords(answer, failureOf);
    const isGood = reply.status >= 200 && reply.status < 300;
    const passes = call.passesRefusals && reply.status >= 400 && !ownStatuses.includes(reply.status);
    if (passes) return await passedRefusal(reply, sending);
    if (!isGood) throw await readRefusal(reply, { protocol: call.protocol, host: destination.host });
    return await opened(reply, sending, request.losses ?? []);
  } catch (error) {
    const failure = error instanceof GatewayError ? error : failureOf(error);
    throw withoutSecret(stop.reason() ?? failure, candidate.credential.key);
  }
}
