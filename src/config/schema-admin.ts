import { z } from "zod";
import { isLoopbackAddress } from "../lib/ip.ts";
import { isPasswordHash, looksLikePasswordHash } from "../lib/password-hash.ts";
import { duration, list } from "./setting-types.ts";

const shortestJwtSecret = 32;
const noHash =
  "begins like an argon2 hash and is no whole one ($argon2id$v=19$m=…,t=…,p=…$salt$hash); `orcestator users hash` makes one; in a shell put it between single quotes, in compose.yaml write each $ twice";

function isIssuer(text: string): boolean {
  const { protocol, hostname = "" } = URL.parse(text) ?? {};
  const isHere = hostname === "localhost" || isLoopbackAddress(hostname.replace(/^\[|\]$/g, ""));
  return protocol === "https:" || (protocol === "http:" && isHere);
}

const values = list(z.string().min(1)).default([]);

const oidc = z.strictObject({
  issuer: z
    .string()
    .refine(isIssuer, { message: "must be an https:// URL (http:// on this machine alone)" })
    .describe("The identity provider; its /.well-known/openid-configuration says the rest"),
  clientId: z.string().min(1).describe("What the provider knows this gateway by"),
  clientSecret: z.string().min(1).optional().describe("None for a public client"),
  redirectBase: z
    .string()
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), {
      message: "must be an http:// or https:// URL",
    })
    .describe("Where browsers reach this gateway; …/api/auth/oidc/callback is the redirect URI to register"),
  scopes: list(z.string().min(1))
    .default(["openid", "profile", "email"])
    .describe("What is asked for; the claim with the roles may want one of its own"),
  rolesClaim: z.string().min(1).default("groups").describe("Claim of the ID token that says what somebody may do"),
  admins: values.describe("Its values that make an admin"),
  operators: values.describe("Its values that make an operator"),
  viewers: values.describe("Its values that make a viewer; who has none of all of them is not let in"),
});

/** Who looks after the gateway. */
export const admin = z.strictObject({
  token: z.string().min(8).optional().describe("Opens /api/*; it is accepted for inference too"),
  username: z.string().trim().min(1).max(100).default("admin").describe("Whom admin.password lets in"),
  password: z
    .string()
    .min(8)
    .refine((text) => !looksLikePasswordHash(text) || isPasswordHash(text), { message: noHash })
    .optional()
    .describe("Password of admin.username, or its argon2id hash ($argon2id$…); further users are kept in the database"),
  jwtSecret: z
    .string()
    .refine((text) => Buffer.byteLength(text) >= shortestJwtSecret, {
      message: `must have at least ${shortestJwtSecret} bytes; leave it out to have one made`,
    })
    .optional()
    .describe("What logins are signed with; without it one is made, and kept in the database where there is one"),
  accessTtl: duration("10m", { minMs: 60_000, maxMs: 3_600_000 }).describe("How long an access token is good"),
  sessionTtl: duration("7d", { minMs: 60_000, isAge: true }).describe("How long a login lasts that is not used"),
  oidc: oidc.optional().describe("Log in at an identity provider (OpenID Connect)"),
});
