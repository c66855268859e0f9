import { isIP } from "node:net";
import { type AddressRange, isInRanges } from "../lib/cidr.ts";

/** Some proxies write the port too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  const match = /^(?:\[([^\]]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/.exec(text);
  return match?.[1] ?? match?.[2] ?? text;
}

/**
 * Who sent a request that came from `peer`: each proxy adds whom it had it from at the end of X-Forwarded-For, so what
 * stands there is believed from the end on, as long as a trusted proxy has written it. The rest a client may have made up.
 */
export function clientAddress(peer: string, forwardedFor: string | null, trusted: readonly AddressRange[]): string {
  const told = forwardedFor?.split(",") ?? [];
  let address = peer;
  while (isInRanges(address, trusted)) {
    const previous = withoutPort(told.pop()?.trim() ?? "");
    if (isIP(previous) === 0) break;
    address = previous;
  }
  return address;
}
