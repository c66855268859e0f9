import { randomBytes } from "node:crypto";
import { hashOf } from "../../keys/token.ts";
import { isSameText } from "./same-text.ts";

/** The token of a link that makes the first admin: good once, for a quarter of an hour. */
export interface SetupLink {
  /** Another token; the one before is void. */
  offer(): string;
  /** Takes it, so that nobody else can use it meanwhile; `false` = it is none, or not any more. */
  take(token: string): boolean;
  /** It was not used after all. */
  giveBack(): void;
}

export const setupMinutes = 15;

export function createSetupLink(now: () => number = Date.now): SetupLink {
  let offered: { hash: string; until: number; isTaken: boolean } | undefined;
  return {
    offer() {
      const token = randomBytes(32).toString("base64url");
      offered = { hash: hashOf(token), until: now() + setupMinutes * 60_000, isTaken: false };
      return token;
    },
    take(token) {
      if (offered === undefined || offered.isTaken || offered.until <= now()) return false;
      if (!isSameText(hashOf(token), offered.hash)) return false;
      offered.isTaken = true;
      return true;
    },
    giveBack() {
      if (offered !== undefined) offered.isTaken = false;
    },
  };
}
