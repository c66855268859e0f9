import { createHmac } from "node:crypto";
import { z } from "zod";
import { roles } from "../../keys/role.ts";
import { isSameText } from "./same-text.ts";

const issuer = "orcestator";
const audience = "orcestator-admin";

/** Compared byte by byte: there is one algorithm, and what a token says of its own is never asked. */
const header = Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT" })).toString("base64url");

const longestToken = 4096;

const claimsSchema = z.object({
  iss: z.literal(issuer),
  aud: z.literal(audience),
  sub: z.string().describe("The user's id"),
  sid: z.string().describe("The session's id"),
  name: z.string(),
  role: z.enum(roles),
  epoch: z.string(),
  begun: z.number().describe("When the session began, epoch milliseconds"),
  iat: z.number(),
  exp: z.number(),
});

/** What an access token says; times but `begun` in seconds, as in every JWT. */
export type Claims = Omit<z.infer<typeof claimsSchema>, "iss" | "aud">;

function signature(signed: string, key: Uint8Array): string {
  return createHmac("sha256", key).update(signed).digest("base64url");
}

/** Whether a text can be such a token at all. */
export function isAccessTokenShaped(text: string): boolean {
  return text.length <= longestToken && text.startsWith(`${header}.`) && text.split(".").length === 3;
}

/** A JWT (HS256). */
export function signAccessToken(claims: Claims, key: Uint8Array): string {
  const payload = Buffer.from(JSON.stringify({ iss: issuer, aud: audience, ...claims })).toString("base64url");
  const signed = `${header}.${payload}`;
  return `${signed}.${signature(signed, key)}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a token of ours says; `undefined` where it is none, or has expired at `now` (epoch milliseconds). */
export function readAccessToken(token: string, key: Uint8Array, now: number): Claims | undefined {
  if (!isAccessTokenShaped(token)) return undefined;
  const end = token.lastIndexOf(".");
  const signed = token.slice(0, end);
  if (!isSameText(token.slice(end + 1), signature(signed, key))) return undefined;
  const payload = Buffer.from(signed.slice(header.length + 1), "base64url").toString("utf8");
  const { data } = claimsSchema.safeParse(parsed(payload));
  return data !== undefined && data.exp * 1000 > now ? data : undefined;
}
