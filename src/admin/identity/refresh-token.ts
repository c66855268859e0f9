import { createHmac, randomBytes } from "node:crypto";
import { hashOf } from "../../keys/token.ts";
import { isSameText } from "./same-text.ts";

/** `orr.<session>.<random>.<mark>`; the mark tells one that was good once from one that never was. */
const shape = /^orr\.(ses_[0-9a-z]{24})\.([\w-]{43})\.([\w-]{22})$/;
const randomLength = 32;
const markLength = 16;

function markOf(sessionId: string, random: string, key: Uint8Array): string {
  const mark = createHmac("sha256", key).update(`${sessionId}.${random}`).digest();
  return mark.subarray(0, markLength).toString("base64url");
}

export interface NewRefreshToken {
  /** Told once and never kept. */
  readonly token: string;
  readonly hash: string;
}

export function createRefreshToken(sessionId: string, key: Uint8Array): NewRefreshToken {
  const random = randomBytes(randomLength).toString("base64url");
  const token = `orr.${sessionId}.${random}.${markOf(sessionId, random, key)}`;
  return { token, hash: hashOf(token) };
}

/** The session a token was made for, be it good still or not; `undefined` = it was never made here. */
export function readRefreshToken(text: string, key: Uint8Array): { sessionId: string; hash: string } | undefined {
  const [, sessionId, random, mark = ""] = shape.exec(text) ?? [];
  if (sessionId === undefined || random === undefined) return undefined;
  if (!isSameText(mark, markOf(sessionId, random, key))) return undefined;
  return { sessionId, hash: hashOf(text) };
}
