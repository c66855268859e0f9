import { randomBytes } from "node:crypto";
import { isPlainObject } from "../../config/path.ts";
import { hashOf } from "../../keys/token.ts";
import { isConflict } from "../../storage/conflict.ts";
import type { AdminDocuments } from "../documents.ts";
import { isSameText } from "./same-text.ts";

/** The token of a link that makes the first admin: good once, for a quarter of an hour, at every gateway of one database. */
export interface SetupLink {
  /** Another token; the one before is void. Rejects as the store does. */
  offer(): Promise<string>;
  /** Takes it, so that nobody else can use it meanwhile; `false` = it is none, or not any more. Rejects as the store does. */
  take(token: string): Promise<boolean>;
  /** It was not used after all. Rejects as the store does. */
  giveBack(): Promise<void>;
}

export interface SetupLinkOptions {
  readonly documents: Pick<AdminDocuments, "get" | "put">;
  readonly now?: () => number;
}

export const setupMinutes = 15;

const place = { kind: "setup-link", id: "link" } as const;

interface Offered {
  readonly hash: string;
  /** Epoch milliseconds. */
  readonly until: number;
  readonly isTaken: boolean;
}

function readOffered(value: unknown): Offered | undefined {
  if (!isPlainObject(value)) return undefined;
  const { hash, until, isTaken } = value;
  if (typeof hash !== "string" || typeof until !== "number" || typeof isTaken !== "boolean") return undefined;
  return { hash, until, isTaken };
}

export function createSetupLink({ documents, now = Date.now }: SetupLinkOptions): SetupLink {
  return {
    async offer() {
      const token = randomBytes(32).toString("base64url");
      const value: Offered = { hash: hashOf(token), until: now() + setupMinutes * 60_000, isTaken: false };
      await documents.put({ ...place, value });
      return token;
    },
    async take(token) {
      const found = await documents.get(place.kind, place.id);
      const offered = readOffered(found?.value);
      if (found === undefined || offered === undefined || offered.isTaken || offered.until <= now()) return false;
      if (!isSameText(hashOf(token), offered.hash)) return false;
      try {
        await documents.put({ ...place, value: { ...offered, isTaken: true }, expectedVersion: found.version });
        return true;
      } catch (error) {
        if (isConflict(error)) return false;
        throw error;
      }
    },
    async giveBack() {
      const offered = readOffered((await documents.get(place.kind, place.id))?.value);
      if (offered !== undefined) await documents.put({ ...place, value: { ...offered, isTaken: false } });
    },
  };
}
