import { createHmac } from "node:crypto";
import type { AuthorizationServer, IDToken } from "oauth4webapi";
import { z } from "zod";
import type { ResolvedConfig } from "../../config/resolve.ts";
import { GatewayError } from "../../errors.ts";
import type { Role } from "../../keys/role.ts";
import { hashOf } from "../../keys/token.ts";
import { errorText } from "../../lib/error-text.ts";
import { createFewAtOnce } from "./few-at-once.ts";
import { isSameText } from "./same-text.ts";
import type { Person } from "./people.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** Logging in at an identity provider: code flow with PKCE, state and nonce. Calls reject with GatewayError. */
export interface Oidc {
  /** Where to send the browser, and what it has to bring back. */
  start(): Promise<{ location: string; ticket: string }>;
  /** Who came back, by the URL of the callback. 401 where the provider does not vouch, 403 for whom no role is meant, 429. */
  finish(callback: URL, ticket: string | undefined): Promise<Person>;
}

export type OidcSettings = NonNullable<ResolvedConfig["admin"]["oidc"]>;

export interface OidcOptions {
  readonly settings: () => ResolvedConfig["admin"];
  readonly keys: Pick<SigningKeys, "ready">;
  readonly log: { warn(message: string): void };
  readonly now: () => number;
}

/** How long somebody may take to log in there. */
export const ticketSeconds = 600;
const knownForMs = 600_000;
/** Codes that are asked about: one that is made up costs a request to the provider, which may take half a minute. */
const room = { places: 16, mostWaiting: 128 };
/** The audit log has room for `user/` before it. */
const longestId = 190;

const ticketSchema = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), until: z.number() });

/** Another provider or client ends the sessions of the one before. */
export function oidcEpoch({ issuer, clientId }: OidcSettings): string {
  return createHmac("sha256", "oidc").update(`${issuer}\0${clientId}`).digest("base64url").slice(0, 16);
}

export function redirectUri({ redirectBase }: OidcSettings): string {
  return `${redirectBase.replace(/\/+$/, "")}/api/auth/oidc/callback`;
}

function notConfigured(): GatewayError {
  const message = "No identity provider is configured here (admin.oidc); log in with POST /api/auth/login.";
  return new GatewayError({ code: "not_found", status: 404, message });
}

function refused(why: string): GatewayError {
  return new GatewayError({ code: "invalid_api_key", status: 401, message: `The login failed: ${why}.` });
}

function noRole({ rolesClaim }: OidcSettings): GatewayError {
  const message = `Your account has no role here: nothing in its claim \`${rolesClaim}\` is one of admin.oidc.admins, operators or viewers.`;
  return new GatewayError({ code: "forbidden", status: 403, message });
}

/** `groups`, or `realm_access.roles` in an object. */
function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path
    .split(".")
    .reduce<unknown>(
      (value, name) =>
        typeof value === "object" && value !== null && Object.hasOwn(value, name)
          ? (value as Record<string, unknown>)[name]
          : undefined,
      claims,
    );
}

/** The highest role that claims give; `undefined` = none. */
function roleOf(claims: Readonly<Record<string, unknown>>, settings: OidcSettings): Role | undefined {
  const claim = claimAt(claims, settings.rolesClaim);
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  const has = (wanted: readonly string[]): boolean => wanted.some((value) => values.includes(value));
  if (has(settings.admins)) return "admin";
  if (has(settings.operators)) return "operator";
  return has(settings.viewers) ? "viewer" : undefined;
}

function nameOf(claims: IDToken): string {
  for (const name of ["preferred_username", "email", "name"]) {
    const value = claims[name];
    if (typeof value === "string" && value !== "") return value.replaceAll(/\p{Cc}/gu, "").slice(0, 100);
  }
  return claims.sub.slice(0, 100);
}

/** Cut off, two people could become one. */
function userIdOf({ sub }: IDToken): string {
  const id = `oidc:${sub}`;
  return id.length <= longestId ? id : `oidc:sha256:${hashOf(sub)}`;
}

function sealTicket(ticket: z.infer<typeof ticketSchema>, key: Uint8Array): string {
  const text = Buffer.from(JSON.stringify(ticket)).toString("base64url");
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

function openTicket(sealed: string, key: Uint8Array): z.infer<typeof ticketSchema> | undefined {
  const [text = "", mark = ""] = sealed.split(".");
  if (!isSameText(mark, createHmac("sha256", key).update(text).digest("base64url"))) return undefined;
  return ticketSchema.safeParse(JSON.parse(Buffer.from(text, "base64url").toString("utf8"))).data;
}

/** Most gateways never need it. */
const flow = () => import("./oidc-flow.ts");

async function discovered(settings: OidcSettings): Promise<AuthorizationServer> {
  const { discover } = await flow();
  return discover(settings);
}

export function createOidc({ settings, keys, log, now }: OidcOptions): Oidc {
  const inTurn = createFewAtOnce(room);
  let known: { issuer: string; until: number; server: Promise<AuthorizationServer> } | undefined;

  async function serverOf(own: OidcSettings): Promise<AuthorizationServer> {
    if (known?.issuer !== own.issuer || known.until <= now())
      known = { issuer: own.issuer, until: now() + knownForMs, server: discovered(own) };
    try {
      return await known.server;
    } catch (error) {
      known = undefined;
      log.warn(`The identity provider ${own.issuer} cannot be asked: ${errorText(error)}`);
      const message = "The identity provider cannot be reached; try again.";
      throw new GatewayError({ code: "upstream_unreachable", status: 502, message, cause: error });
    }
  }

  function configured(): OidcSettings {
    const { oidc } = settings();
    if (oidc === undefined) throw notConfigured();
    return oidc;
  }

  return {
    async start() {
      const own = configured();
      const [server, { oidc: key }] = await Promise.all([serverOf(own), keys.ready()]);
      if (server.authorization_endpoint === undefined) throw refused("the identity provider names no place to log in");
      const { begin } = await flow();
      const { attempt, query } = await begin(own, redirectUri(own));
      const location = new URL(server.authorization_endpoint);
      for (const [name, value] of Object.entries(query)) location.searchParams.set(name, value);
      const until = now() + ticketSeconds * 1000;
      return { location: location.href, ticket: sealTicket({ ...attempt, until }, key) };
    },
    async finish(callback, sealed) {
      const own = configured();
      const { oidc: key } = await keys.ready();
      const ticket = sealed === undefined ? undefined : openTicket(sealed, key);
      if (ticket === undefined || ticket.until <= now())
        throw refused("it was not begun in this browser, or too long ago");
      const server = await serverOf(own);
      const { claimsOf, refusalIn } = await flow();
      let claims: IDToken;
      try {
        claims = await inTurn(() => claimsOf({ settings: own, server, callback, attempt: ticket }));
      } catch (error) {
        if (error instanceof GatewayError) throw error;
        log.warn(`A login at ${own.issuer} was refused: ${errorText(error)}`);
        const reason = refusalIn(error);
        if (reason !== undefined) throw refused(`the identity provider says ${reason}`);
        throw refused("the identity provider did not vouch for it; the gateway's log says why");
      }
      const role = roleOf(claims, own);
      if (role === undefined) throw noRole(own);
      return { userId: userIdOf(claims), name: nameOf(claims), role, epoch: oidcEpoch(own) };
    },
  };
}
