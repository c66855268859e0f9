import { isAccessTokenShaped } from "../admin/identity/access-token.ts";
import { actorOf } from "../admin/identity/by-person.ts";
import type { Identity } from "../admin/identity/identity.ts";
import type { Holder } from "../admin/identity/sessions.ts";
import type { ServerConfig } from "../config/schema.ts";
import { GatewayError } from "../errors.ts";
import type { KeyBook } from "../keys/key-book.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import { type Role, suffices } from "../keys/role.ts";
import { hashOf, isTokenShaped } from "../keys/token.ts";
import type { KeyGrant, VirtualKey } from "../keys/virtual-key.ts";
import { hostnameOf, isLocalHostname, isLoopbackAddress, isPrivateAddress, isPrivateHostname } from "../lib/ip.ts";
import type { Connections } from "./connections.ts";
import { grantOf, notLoaded } from "./key-grant.ts";

export interface Caller {
  keyId: string;
  /** The virtual key that was presented, if one was. */
  grant: KeyGrant | undefined;
  /** That key's token is the one before its last rotation, in its time of grace. */
  hasOldToken?: boolean;
  /** May steer requests with x-orcestator-* headers. */
  maySteer: boolean;
  address: string | undefined;
}

export interface Access {
  /** Who may use models. Throws GatewayError: 401, 403 from an address that a virtual key is not for, 503 until keys are known. */
  caller(request: Request): Caller;
  /** Who may see and change the gateway itself: never anonymous. Throws GatewayError: 401, 403 with a role that is not enough. */
  admin(request: Request, needed: Role): AdminCaller;
  /**
   * Who may read what the gateway counts for all of its callers together: everybody that `caller` lets in, but the holder of a
   * virtual key, and every login. Throws GatewayError: 401, 403 with a virtual key, 503 until keys are known.
   */
  metricsReader(request: Request): void;
  /** Whether a request comes from this machine, and not through a proxy or from a foreign web page. Throws GatewayError (403). */
  onlyLocal(request: Request): void;
}

export interface AdminCaller {
  /** Who, for the audit log. */
  actor: string;
  role: Role;
  /** Who logged in; `undefined` = it is the admin token. */
  holder?: Holder | undefined;
}

export interface AccessOptions {
  anonymous: ServerConfig["anonymous"];
  /** Origins that browsers may call from; without inbound keys `*` names none. */
  cors: readonly string[];
  /** Who may steer requests. */
  overrides: "none" | "admin" | "keys" | "all";
  /** Header that may carry a key besides the usual ones. */
  keyHeader: string;
  inboundKeys: KeyRing;
  /** Absent where no database holds any. */
  virtualKeys?: Pick<KeyBook, "isLoaded" | "size" | "wereIssued" | "areLost" | "find" | "team"> | undefined;
  /** Whether calls without a key are served again once all keys that were issued are deleted. */
  reopen?: boolean;
  adminKeys: KeyRing;
  /** Whom logins let in; absent where nobody can log in. */
  identity?: Pick<Identity, "holder"> | undefined;
  connections: Connections;
  now?: () => number;
}

const keyHeaders = ["x-api-key", "api-key", "x-goog-api-key"] as const;

function bearerOf(header: string | null): string | undefined {
  if (header === null) return undefined;
  const token = header.trim().replace(/^bearer(?:\s+|$)/i, "");
  return token === "" ? undefined : token;
}

function queryKeyOf(url: string): string | undefined {
  if (!url.includes("key=")) return undefined;
  return URL.parse(url)?.searchParams.get("key") || undefined;
}

function refuse(message: string): GatewayError {
  return new GatewayError({ code: "invalid_api_key", status: 401, message });
}

type Policy = ServerConfig["anonymous"];

const openPolicies = ["loopback", "private", "all"] as const satisfies readonly Policy[];

/** A call without a key, and the rule it is measured by. */
interface AnonymousCall {
  request: Request;
  address: string | undefined;
  policy: Policy;
  cors: readonly string[];
}

function isNear(address: string | undefined, policy: Policy): boolean {
  if (policy === "all") return true;
  if (policy === "none" || address === undefined) return false;
  return policy === "private" ? isPrivateAddress(address) : isLoopbackAddress(address);
}

/** `*` allows no page here: without keys it would let every page spend the owner's money. */
function isForeignOrigin(request: Request, cors: readonly string[]): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || (cors.includes(origin) && origin !== "*")) return false;
  return URL.parse(origin)?.host !== request.headers.get("host") || URL.parse(origin)?.host === undefined;
}

/** Why a call without a key is not served: too far, or disguised as near by a web page or by a proxy. */
function objectionTo({ request, address, policy, cors }: AnonymousCall): string | undefined {
  if (!isNear(address, policy))
    return policy === "none" ? "are not served here" : `are only served here from ${policy} addresses`;
  if (isForeignOrigin(request, cors)) return "are refused when they come from a web page of another origin";
  if (request.headers.get("sec-fetch-site") === "cross-site" && !request.headers.has("origin"))
    return "are refused when they come from a web page of another site";
  if (policy === "all") return undefined;
  const forwarded = ["x-forwarded-for", "forwarded", "x-real-ip"].find((name) => request.headers.has(name));
  if (forwarded !== undefined) return `are refused when they come through a proxy (${forwarded})`;
  const hostname = hostnameOf(request.headers.get("host") ?? "");
  const isNearName = policy === "private" ? isPrivateHostname : isLocalHostname;
  if (hostname !== undefined && isNearName(hostname)) return undefined;
  return `are refused when the Host header names no ${policy === "private" ? "private" : "local"} address`;
}

/** What would let this very call in; a setting that would change nothing is not named. */
function adviceFor(call: AnonymousCall): string {
  const ways = ["set keys (ORCH_INBOUND_API_KEYS / keys.inbound) and send one of them"];
  const policies = openPolicies.filter((policy) => objectionTo({ ...call, policy }) === undefined);
  if (policies.length > 0) ways.push(`set OR_ANONYMOUS / server.anonymous to ${policies.join(" or ")}`);
  if (isForeignOrigin(call.request, call.cors)) {
    const star = call.cors.includes("*") ? "; * counts only where keys are set" : "";
    ways.push(`name the page's origin in ORCH_CORS_ALLOW_ORIGINS / server.cors${star}`);
  }
  return `To let it in, ${ways.join(", or ")}.`;
}

function withRole(holder: Holder, needed: Role): AdminCaller {
  const { role } = holder;
  if (suffices(role, needed)) return { actor: actorOf(holder), role, holder };
  const message = `This needs the role ${needed}, and yours is ${role}.`;
  throw new GatewayError({ code: "forbidden", status: 403, message });
}

function notForVirtualKeys(): GatewayError {
  const message =
    "A key that was issued here does not read the metrics, which are of all callers together. A login of any role does, the admin token (AUTH_TOKEN), or a key of ORCH_INBOUND_API_KEYS.";
  return new GatewayError({ code: "forbidden", status: 403, message });
}

function notAdmin({ hasExpired, hasToken }: { hasExpired: boolean; hasToken: boolean }): GatewayError {
  if (hasExpired)
    return refuse(
      "The login has expired or has ended: renew it (POST /api/auth/refresh), or log in (POST /api/auth/login).",
    );
  const how = "as 'Authorization: Bearer <token>'";
  if (hasToken)
    return refuse(
      `This needs the admin token (AUTH_TOKEN), or that of a login (POST /api/auth/login): send it ${how}.`,
    );
  const unset = "An admin token would do as well and none is set: set AUTH_TOKEN (admin.token) on the server.";
  return refuse(`This needs the token of a login (POST /api/auth/login): send it ${how}. ${unset}`);
}

export function createAccess(options: AccessOptions): Access {
  const { anonymous, inboundKeys, virtualKeys, adminKeys, identity, connections, overrides, now = Date.now } = options;
  const { reopen = false, keyHeader } = options;
  const keysMaySteer = overrides === "keys" || overrides === "all";

  /** Every key that a request presents, the usual place first. */
  function* tokensOf(request: Request): Generator<string> {
    const { headers } = request;
    const bearer = bearerOf(headers.get("authorization"));
    if (bearer !== undefined) yield bearer;
    for (const name of [keyHeader, ...keyHeaders]) {
      const token = headers.get(name)?.trim();
      if (token !== undefined && token !== "") yield token;
    }
    const pathKey = connections.pathKeyOf(request);
    if (pathKey !== undefined && pathKey !== "") yield pathKey;
    const queryKey = queryKeyOf(request.url);
    if (queryKey !== undefined) yield queryKey;
  }

  function anonymousCaller(request: Request, address: string | undefined): Caller {
    const call = { request, address, policy: anonymous, cors: options.cors };
    const objection = objectionTo(call);
    const maySteer = overrides === "all";
    if (objection === undefined) return { keyId: "anonymous", grant: undefined, address, maySteer };
    throw refuse(`Calls without a key ${objection}. ${adviceFor(call)}`);
  }

  /** Whether calls without a key are served at all, to whomever. */
  function isOpen(): boolean {
    if (!inboundKeys.isEmpty) return false;
    // Whoever held the last key would come in without one as soon as it was taken back.
    return virtualKeys === undefined || (virtualKeys.size === 0 && (reopen || !virtualKeys.wereIssued));
  }

  function unknownCaller({ hasToken }: { hasToken: boolean }): GatewayError {
    const what = hasToken ? "The key is not known here" : "This gateway needs a key";
    const which = inboundKeys.isEmpty ? "one that was issued here" : "one of ORCH_INBOUND_API_KEYS";
    const how = `send ${which} as 'Authorization: Bearer <key>' or '${keyHeader}: <key>'`;
    if (isOpen()) return refuse(`${what}; ${how}, or none.`);
    if (!inboundKeys.isEmpty || virtualKeys?.size !== 0) return refuse(`${what}; ${how}.`);
    const gone = virtualKeys.areLost ? "lost" : "deleted";
    return refuse(
      `${what}; ${how}. All keys that were issued are ${gone}: to serve callers without one again, set keys.reopen to true on the server.`,
    );
  }

  function holder(key: VirtualKey, { token, address }: { token: string; address: string | undefined }): Caller {
    const grant = grantOf(key, { team: (id) => virtualKeys?.team(id), address, time: now() });
    const maySteer = overrides !== "none" && (key.maySteer ?? keysMaySteer);
    const hasOldToken = key.previous !== undefined && hashOf(token) !== key.hash;
    return { keyId: key.id, grant, hasOldToken, address, maySteer };
  }

  function callerOf(request: Request): Caller {
    const address = connections.addressOf(request);
    let hasToken = false;
    let hasIssued = false;
    for (const token of tokensOf(request)) {
      const key = virtualKeys?.find(token);
      if (key !== undefined) return holder(key, { token, address });
      const identity = inboundKeys.find(token);
      const grant = undefined;
      if (identity !== undefined) return { keyId: identity.id, grant, address, maySteer: keysMaySteer };
      if (adminKeys.find(token) !== undefined)
        return { keyId: "admin", grant, address, maySteer: overrides !== "none" };
      hasToken = true;
      hasIssued ||= isTokenShaped(token);
    }
    const isLoaded = virtualKeys?.isLoaded ?? true;
    if (!isLoaded && (hasToken || inboundKeys.isEmpty)) throw notLoaded("The keys");
    // Many clients insist on sending some text; but what looks like a key of a gateway was one, or will be heard of.
    if (isOpen() && !hasIssued) return anonymousCaller(request, address);
    throw unknownCaller({ hasToken });
  }

  return {
    caller: callerOf,
    admin(request, needed) {
      let hasExpired = false;
      for (const token of tokensOf(request)) {
        if (adminKeys.find(token) !== undefined) return { actor: "admin", role: "admin" };
        const holder = identity?.holder(token);
        if (holder !== undefined) return withRole(holder, needed);
        hasExpired ||= isAccessTokenShaped(token);
      }
      throw notAdmin({ hasExpired, hasToken: !adminKeys.isEmpty });
    },
    metricsReader(request) {
      for (const token of tokensOf(request)) if (identity?.holder(token) !== undefined) return;
      if (callerOf(request).grant !== undefined) throw notForVirtualKeys();
    },
    onlyLocal(request) {
      const address = connections.addressOf(request);
      const objection = objectionTo({ request, address, policy: "loopback", cors: [] });
      if (objection === undefined) return;
      const message = `This is for whoever sits at this machine; calls ${objection}.`;
      throw new GatewayError({ code: "forbidden", status: 403, message });
    },
  };
}
