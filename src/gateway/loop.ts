import { invalidRequest } from "../errors.ts";
import { createId } from "../lib/ids.ts";

/** Names the gateways a request has come through; each adds itself. */
export const hopsHeader = "x-orcestator-hops";

const self = createId("");

/** The header for the next hop. Throws GatewayError (400: no target would help) when the request has been here before: a provider's baseUrl leads back. */
export function nextHops(client: Headers): string {
  const hops = client.get(hopsHeader);
  if (hops === null) return self;
  if (!hops.split(",").includes(self)) return `${hops.slice(0, 1000)},${self}`;
  const message =
    "The request came back to this gateway: a provider's baseUrl (OR_BASE_URL) points at the gateway itself.";
  throw invalidRequest(message);
}
