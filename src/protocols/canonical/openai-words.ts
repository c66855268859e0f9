import type { Fields } from "../fields.ts";
import type { CacheMark } from "./conversation.ts";

/** What both of OpenAI's newer protocols write in the same way. */

const cacheTtls: ReadonlySet<string | undefined> = new Set(["30m", "12h"]);

/** A mark for OpenAI's prompt cache. */
export function cacheBreakpoint({ ttl }: CacheMark): Fields {
  return { prompt_cache_breakpoint: { mode: "explicit", ...(cacheTtls.has(ttl) ? { ttl } : {}) } };
}

/** A schema's name in OpenAI's letters. */
export function schemaName(name: string | undefined): string {
  return name?.replaceAll(/[^a-zA-Z0-9_-]/gu, "_").slice(0, 64) || "answer";
}

const longestUser = 64;

/** Whatever a client puts there (a mail address, JSON): upstreams get a short text that stays the same. */
export function userId(user: string): string {
  return user.length <= longestUser && !user.includes("{") ? user : userDigest(user);
}

export function userDigest(user: string): string {
  return new Bun.CryptoHasher("sha256").update(user).digest("hex");
}
