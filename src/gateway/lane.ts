import type { Protocol } from "../protocols/protocol.ts";
import type { Provider } from "../providers/provider.ts";

export type Lane = "same";

/** How a client's protocol reaches a provider; `undefined` when it cannot. */
export function laneOf(client: Protocol, provider: Provider): Lane | undefined {
  return provider.protocols.includes(client.id) ? "same" : undefined;
}
