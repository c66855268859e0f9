import type { ResolvedConfig } from "../../config/resolve.ts";
import { GatewayError } from "../../errors.ts";
import { createId } from "../../lib/ids.ts";
import type { StoredDocument } from "../../storage/document-store.ts";
import { isConflict } from "../../storage/conflict.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { AuthTokens } from "../contract/auth.ts";
import type { AdminDocuments } from "../documents.ts";
import { type Claims, readAccessToken, signAccessToken } from "./access-token.ts";
import { byPerson } from "./by-person.ts";
import type { IdentityBook } from "./identity-book.ts";
import type { People, Person } from "./people.ts";
import { createRefreshToken, readRefreshToken } from "./refresh-token.ts";
import { isSameText } from "./same-text.ts";
import { readSession, type Session, sessionKind } from "./session.ts";
import type { Keys, SigningKeys } from "./signing-keys.ts";
import { userKind } from "./user.ts";

/** From where somebody comes. */
export interface Visitor {
  readonly address: string | undefined;
  readonly agent: string | undefined;
}

/** Who presents an access token. */
export interface Holder extends Person {
  readonly sessionId: string;
}

/** Sessions and their tokens. Calls reject with GatewayError: 401, 503 when the store is out of reach. */
export interface Sessions {
  begin(person: Person, how: Visitor & Pick<Session, "by">): Promise<AuthTokens>;
  /** Other tokens for a refresh token, which is good once: a second use ends the session, for one of the two stole it. */
  renew(refreshToken: string, visitor: Visitor): Promise<AuthTokens>;
  /** Who holds an access token; `undefined` = nobody (any more). Waits for nothing. */
  holder(accessToken: string): Holder | undefined;
  /** The newest first; those that have expired are left out. */
  list(): Session[];
  /** Removes some of those that have expired; how many. */
  removeExpired(): Promise<number>;
  end(id: string): Promise<void>;
  /** All that somebody has, but for `except`. */
  endOf(userId: string, except?: string): Promise<void>;
}

export interface SessionsOptions {
  readonly settings: () => ResolvedConfig["admin"];
  readonly documents: AdminDocuments;
  readonly book: IdentityBook;
  readonly people: Pick<People, "behind">;
  readonly keys: SigningKeys;
  readonly trail: Pick<AuditTrail, "tell">;
  readonly now: () => number;
}

/** As long as others may take to hear of a session that began elsewhere; until then its token speaks for itself. */
const newsMs = 5000;
const mostOfOne = 50;
/** Whoever is vouched for elsewhere is asked for there again after a day's work. */
const longestElsewhereMs = 12 * 3_600_000;
const longestAgent = 200;

function refused(): GatewayError {
  const message = "This session has ended, or the refresh token was used before: log in again.";
  return new GatewayError({ code: "invalid_api_key", status: 401, message });
}

function read(document: StoredDocument): Session {
  const session = readSession(document);
  if (session === undefined) throw new Error(`What was written of the session ${document.id} cannot be read`);
  return session;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { settings, documents, book, people, keys: signing, trail, now } = options;

  function tokensOf(session: Session, person: Person, fresh: { token: string; keys: Keys }): AuthTokens {
    const { accessTtl } = settings();
    const iat = Math.floor(now() / 1000);
    const seconds = Math.floor(accessTtl / 1000);
    const { userId: sub, name, role, epoch } = person;
    const { id: sid, createdAt: begun } = session;
    const claims: Claims = { sub, sid, name, role, epoch, begun, iat, exp: iat + seconds };
    return {
      accessToken: signAccessToken(claims, fresh.keys.access),
      tokenType: "Bearer",
      expiresIn: seconds,
      refreshToken: fresh.token,
      refreshExpiresIn: Math.max(0, Math.floor((session.expiresAt - now()) / 1000)),
      role,
    };
  }

  async function removeExpired(): Promise<number> {
    const time = now();
    const expired = [...book.sessions()].filter(({ expiresAt }) => expiresAt <= time).slice(-mostOfOne);
    for (const { id } of expired) await documents.remove(sessionKind, id);
    return expired.length;
  }

  /** Old ones make room. */
  async function tidy(userId: string): Promise<void> {
    await removeExpired();
    const time = now();
    const own = [...book.sessions()].filter((session) => session.userId === userId && session.expiresAt > time);
    for (const { id } of own.slice(mostOfOne - 1)) await documents.remove(sessionKind, id);
  }

  /** A holder that no gateway but the one of the login has heard of yet. */
  function newcomer({ sub: userId, sid, name, role, epoch, begun }: Claims): Holder | undefined {
    if (now() - begun > newsMs || book.hasEnded(sid)) return undefined;
    const by = userId.startsWith("oidc:") ? "oidc" : "password";
    const isNews = userId.startsWith("user_") && book.user(userId) === undefined;
    const person = isNews ? { userId, name, role, epoch } : people.behind({ userId, name, role, epoch, by });
    return person && { ...person, sessionId: sid };
  }

  async function endStolen(session: Session, { address }: Visitor): Promise<never> {
    await documents.remove(sessionKind, session.id);
    const deed = {
      action: "auth.refresh-reused",
      subject: `session/${session.id}`,
      before: undefined,
      after: undefined,
    };
    await trail.tell(deed, byPerson(session, address));
    throw refused();
  }

  /** As the store has it: another gateway may have renewed it or changed its user just now. */
  async function freshest(sessionId: string): Promise<Session | undefined> {
    const document = await documents.get(sessionKind, sessionId);
    const session = document && readSession(document);
    if (session === undefined || session.expiresAt <= now()) return undefined;
    if (session.userId.startsWith("user_")) await documents.get(userKind, session.userId);
    return session;
  }

  return {
    async begin(person, { by, address, agent }) {
      const keys = await signing.ready();
      await tidy(person.userId);
      const time = now();
      const id = createId("ses_", time);
      const { token, hash } = createRefreshToken(id, keys.refresh);
      const { userId, name, role, epoch } = person;
      const value = {
        userId,
        name,
        by,
        epoch,
        refreshHash: hash,
        createdAt: time,
        renewedAt: time,
        expiresAt: time + (by === "oidc" ? Math.min(longestElsewhereMs, settings().sessionTtl) : settings().sessionTtl),
        ...(by === "oidc" && { role }),
        ...(address !== undefined && { address }),
        ...(agent !== undefined && { agent: agent.slice(0, longestAgent) }),
      };
      const session = read(await documents.put({ kind: sessionKind, id, value, expectedVersion: 0 }));
      return tokensOf(session, person, { token, keys });
    },
    async renew(refreshToken, visitor) {
      const keys = await signing.ready();
      const asked = readRefreshToken(refreshToken, keys.refresh);
      const session = asked && (await freshest(asked.sessionId));
      if (asked === undefined || session === undefined) throw refused();
      if (!isSameText(asked.hash, session.refreshHash)) return endStolen(session, visitor);
      const person = people.behind(session);
      if (person === undefined) throw refused();
      const { token, hash } = createRefreshToken(session.id, keys.refresh);
      const { id, version, ...kept } = session;
      const time = now();
      const expiresAt = session.by === "oidc" ? session.expiresAt : time + settings().sessionTtl;
      const value = { ...kept, refreshHash: hash, renewedAt: time, expiresAt };
      try {
        const renewed = read(await documents.put({ kind: sessionKind, id, value, expectedVersion: version }));
        return tokensOf(renewed, person, { token, keys });
      } catch (error) {
        if (!isConflict(error)) throw error;
        return endStolen(session, visitor);
      }
    },
    holder(accessToken) {
      const keys = signing.known();
      const claims = keys && readAccessToken(accessToken, keys.access, now());
      if (claims === undefined) return undefined;
      const session = book.session(claims.sid);
      if (session === undefined) return newcomer(claims);
      const person = session.expiresAt > now() ? people.behind(session) : undefined;
      return person && { ...person, sessionId: session.id };
    },
    removeExpired,
    list: () => [...book.sessions()].filter(({ expiresAt }) => expiresAt > now()),
    end: (id) => documents.remove(sessionKind, id),
    async endOf(userId, except) {
      const all = [...book.sessions()].filter((session) => session.userId === userId && session.id !== except);
      for (const { id } of all) await documents.remove(sessionKind, id);
    },
  };
}
