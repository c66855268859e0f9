import { createHmac } from "node:crypto";
import type { ResolvedConfig } from "../../config/resolve.ts";
import type { Role } from "../../keys/role.ts";
import { isPasswordHash } from "../../lib/password-hash.ts";
import type { IdentityBook } from "./identity-book.ts";
import { oidcEpoch } from "./oidc.ts";
import type { Passwords } from "./passwords.ts";
import type { Session } from "./session.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { plainName } from "./user.ts";

/** Somebody who may hold a session. */
export interface Person {
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly epoch: string;
}

/** Who there is: the one of the configuration, those who are kept, and those whom another system vouches for. */
export interface People {
  /** Whoever has a name, with the hash of the password; `undefined` = nobody who may log in. */
  named(name: string): Promise<(Person & { hash: string }) | undefined>;
  /** Who holds a session now; `undefined` = nobody any more: disabled, deleted, or with another password since. */
  behind(session: Pick<Session, "userId" | "name" | "role" | "epoch" | "by">): Person | undefined;
  /** Whether a name is the configuration's own. */
  isConfigured(name: string): boolean;
}

export interface PeopleOptions {
  readonly settings: () => ResolvedConfig["admin"];
  readonly book: IdentityBook;
  readonly keys: Pick<SigningKeys, "known">;
  readonly passwords: Passwords;
}

export const configuredUserId = "config";

export function createPeople({ settings, book, keys, passwords }: PeopleOptions): People {
  let hashed: { password: string; hash: Promise<string> } | undefined;

  async function hashOfConfigured(password: string): Promise<string> {
    if (isPasswordHash(password)) return password;
    if (hashed?.password !== password) hashed = { password, hash: passwords.hash(password) };
    try {
      return await hashed.hash;
    } catch (error) {
      hashed = undefined;
      throw error;
    }
  }

  function isConfigured(name: string): boolean {
    const { username, password } = settings();
    return password !== undefined && plainName(username) === plainName(name);
  }

  /** Another user name or password in the configuration ends the sessions of the one before. */
  function configured(): Person | undefined {
    const { username, password } = settings();
    const key = keys.known()?.epoch;
    if (password === undefined || key === undefined) return undefined;
    const epoch = createHmac("sha256", key).update(`${username}\0${password}`).digest("base64url").slice(0, 16);
    return { userId: configuredUserId, name: username, role: "admin", epoch };
  }

  function stored(userId: string): Person | undefined {
    const user = book.user(userId);
    if (user?.enabled !== true) return undefined;
    return { userId, name: user.name, role: user.role, epoch: user.epoch };
  }

  return {
    isConfigured,
    async named(name) {
      const { password } = settings();
      // Made for every name, known or not: the time taken tells nobody apart.
      const hash = password === undefined ? undefined : await hashOfConfigured(password);
      if (hash !== undefined && isConfigured(name)) {
        const person = configured();
        return person && { ...person, hash };
      }
      const user = book.userOf(name);
      const person = user && stored(user.id);
      return user && person && { ...person, hash: user.hash };
    },
    behind({ userId, name, role, epoch, by }) {
      if (by === "oidc") {
        const { oidc } = settings();
        const isStill = oidc !== undefined && role !== undefined && oidcEpoch(oidc) === epoch;
        return isStill ? { userId, name, role, epoch } : undefined;
      }
      const person = userId === configuredUserId ? configured() : stored(userId);
      return person?.epoch === epoch ? person : undefined;
    },
  };
}
