import type { ServerConfig } from "../config/schema.ts";
import { GatewayError } from "../errors.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import { hostnameOf, isLocalHostname, isLoopbackAddress, isPrivateAddress, isPrivateHostname } from "../lib/ip.ts";
import type { Connections } from "./connections.ts";

export interface Caller {
  keyId: string;
  address: string | undefined;
}

export interface Access {
  /** Who may use models. Throws GatewayError (401). */
  caller(request: Request): Caller;
  /** Who may see and change the gateway itself: never anonymous. Throws GatewayError (401). */
  admin(request: Request): void;
}

export interface AccessOptions {
  anonymous: ServerConfig["anonymous"];
  /** Origins that browsers may call from. */
  cors: readonly string[];
  /** Header that may carry a key besides the usual ones. */
  keyHeader: string;
  inboundKeys: KeyRing;
  adminKeys: KeyRing;
  connections: Connections;
}

const keyHeaders = ["x-api-key", "api-key", "x-goog-api-key"] as const;

function bearerOf(header: string | null): string | undefined {
  if (header === null) return undefined;
  const match = /^(?:bearer\s+)?(.*)$/i.exec(header.trim());
  return match?.[1] === undefined || /^bearer$/i.test(match[1]) ? undefined : match[1];
}

function queryKeyOf(url: string): string | undefined {
  if (!url.includes("key=")) return undefined;
  return URL.parse(url)?.searchParams.get("key") ?? undefined;
}

function refuse(message: string): GatewayError {
  return new GatewayError({ code: "invalid_api_key", status: 401, message });
}

const howToOpen =
  "Send a key of this gateway (ORCH_INBOUND_API_KEYS / keys.inbound), or change who may call without one: server.anonymous / OR_ANONYMOUS = loopback, private or all.";

function isForeignOrigin(request: Request, cors: readonly string[]): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || cors.includes("*") || cors.includes(origin)) return false;
  return URL.parse(origin)?.host !== request.headers.get("host") || URL.parse(origin)?.host === undefined;
}

/** What a web page in the owner's browser, or a proxy that hides the real caller, gives away. */
function disguiseOf(request: Request, { anonymous, cors }: AccessOptions): string | undefined {
  if (isForeignOrigin(request, cors))
    return "the request comes from a web page of another origin (allow it with server.cors / ORCH_CORS_ALLOW_ORIGINS)";
  if (request.headers.get("sec-fetch-site") === "cross-site" && !request.headers.has("origin"))
    return "the request comes from a web page of another site";
  if (anonymous === "all") return undefined;
  const forwarded = ["x-forwarded-for", "forwarded", "x-real-ip"].find((name) => request.headers.has(name));
  if (forwarded !== undefined) return `the request came through a proxy (${forwarded})`;
  const hostname = hostnameOf(request.headers.get("host") ?? "");
  const isNear = anonymous === "private" ? isPrivateHostname : isLocalHostname;
  return hostname !== undefined && isNear(hostname) ? undefined : "its Host header names no local address";
}

export function createAccess(options: AccessOptions): Access {
  const { anonymous, inboundKeys, adminKeys, connections } = options;

  function tokensOf(request: Request): string[] {
    const { headers } = request;
    const tokens = [
      bearerOf(headers.get("authorization")),
      ...[options.keyHeader, ...keyHeaders].map((name) => headers.get(name)?.trim()),
      connections.pathKeyOf(request),
      queryKeyOf(request.url),
    ];
    return tokens.filter((token): token is string => token !== undefined && token !== "");
  }

  function isNear(address: string | undefined): boolean {
    if (anonymous === "all") return true;
    if (anonymous === "none" || address === undefined) return false;
    return anonymous === "private" ? isPrivateAddress(address) : isLoopbackAddress(address);
  }

  function anonymousCaller(request: Request, address: string | undefined): Caller {
    if (!isNear(address))
      throw refuse(
        `Calls without a key are ${anonymous === "none" ? "not" : `only`} served here${anonymous === "none" ? "" : ` from ${anonymous} addresses`}. ${howToOpen}`,
      );
    const disguise = disguiseOf(request, options);
    if (disguise !== undefined) throw refuse(`Calls without a key are refused when ${disguise}. ${howToOpen}`);
    return { keyId: "anonymous", address };
  }

  return {
    caller(request) {
      const address = connections.addressOf(request);
      const bearer = bearerOf(request.headers.get("authorization"));
      const known = bearer === undefined ? undefined : inboundKeys.find(bearer);
      if (known !== undefined) return { keyId: known.id, address };
      const tokens = tokensOf(request);
      for (const token of tokens) {
        const identity = inboundKeys.find(token);
        if (identity !== undefined) return { keyId: identity.id, address };
        if (adminKeys.find(token) !== undefined) return { keyId: "admin", address };
      }
      // Without keys a presented one is ignored: many clients insist on sending some text.
      if (inboundKeys.isEmpty) return anonymousCaller(request, address);
      const what = tokens.length === 0 ? "This gateway needs a key" : "The key is not known here";
      throw refuse(
        `${what}; send one of ORCH_INBOUND_API_KEYS as 'Authorization: Bearer <key>' or '${options.keyHeader}: <key>'.`,
      );
    },
    admin(request) {
      if (adminKeys.isEmpty)
        throw refuse("This needs an admin token and none is set: set AUTH_TOKEN (admin.token) on the server.");
      if (!tokensOf(request).some((token) => adminKeys.find(token) !== undefined)) {
        throw refuse("This needs the admin token (AUTH_TOKEN): send it as 'Authorization: Bearer <token>'.");
      }
    },
  };
}
