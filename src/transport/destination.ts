import { GatewayError } from "../errors.ts";

/** Where a request goes, taken apart once instead of for every request. */
export interface Destination {
  readonly href: string;
  readonly origin: string;
  /** With the port, where it is not the usual one; safe to show. */
  readonly host: string;
  readonly hostname: string;
  readonly port: number;
}

/** Throws GatewayError for anything but http and https: `fetch` would also read file:, data: and s3: URLs. */
export function destinationOf(url: URL): Destination {
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    const message = `The upstream's URL must be http or https, not ${url.protocol}`;
    throw new GatewayError({ code: "upstream_unreachable", status: 502, message });
  }
  const usualPort = url.protocol === "https:" ? 443 : 80;
  return {
    href: url.href,
    origin: url.origin,
    host: url.host,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? usualPort : Number(url.port),
  };
}
