import type { Steering } from "../routing/route.ts";
import { requestHeadersFor } from "../transport/headers.ts";
import type { InferenceCall } from "./call.ts";
import { hopsHeader } from "./loop.ts";
import { strictHeader } from "./losses.ts";

interface FlightFacts {
  call: Pick<InferenceCall, "keyId" | "protocol" | "path" | "headers" | "body">;
  /** The model that serves it, whichever was asked for. */
  model: string;
  steering: Steering | undefined;
}

/** Headers of the gateway's own that an answer depends on. The hops tell a request from its own echo. */
const ownHeaders = [hopsHeader, strictHeader] as const;

/** Equal for requests of one caller that cannot but get equal answers: a hash of all that goes upstream, or decides where. */
export function flightKeyOf({ call, model, steering }: FlightFacts): string {
  const { keyId, protocol, path, headers, body } = call;
  const own = ownHeaders.map((name) => headers.get(name));
  const facts = JSON.stringify([keyId, protocol.id, path, model, steering, requestHeadersFor(headers), own]);
  // The length keeps the two parts apart.
  return new Bun.CryptoHasher("sha256").update(`${facts.length} ${facts}`).update(body).digest("base64");
}
