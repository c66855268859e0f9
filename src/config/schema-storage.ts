import { z } from "zod";
import { databaseUrlProblem } from "./database-url.ts";
import { secretKeysProblem } from "./secret-keys.ts";
import { count, duration } from "./setting-types.ts";

const databaseUrl = z.string().superRefine((text, context) => {
  const message = databaseUrlProblem(text);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

const retention = z.strictObject({
  maxAge: duration("0s", { isAge: true }).describe(
    "Requests that are older are deleted, e.g. 90d; 0 = never. Totals stay",
  ),
  maxBytes: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("Beyond about so many bytes the oldest requests are deleted; 0 = no limit. Totals stay"),
  totals: duration("400d", { isAge: true }).describe(
    "Totals, of which statistics are made, are deleted when they and their requests are older; 0 = never",
  ),
  audit: duration("365d", { isAge: true }).describe("Older entries of the audit log are deleted; 0 = never"),
});

export const storage = z.strictObject({
  url: databaseUrl
    .optional()
    .describe(
      "Audit database: sqlite://data/orcestator.db, mysql://user:password@host/database or postgres://user:password@host/database; ?sslmode=require and ?sslrootcert=ca.pem for TLS",
    ),
  timeout: duration("5s", { minMs: 100, maxMs: 60_000 }).describe(
    "Longest wait for an answer of a database server; requests never wait for it",
  ),
  connections: count.max(100).default(5).describe("Most connections to a database server"),
  retention: retention.prefault({}),
  secretKey: z
    .string()
    .superRefine((text, context) => {
      const message = secretKeysProblem(text);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    })
    .optional()
    .describe(
      "What secrets in the database are sealed with: 32 bytes as hex or base64 (openssl rand -hex 32), or `keystore` for the system's own; after a comma, keys that were used before",
    ),
  secretKeyFile: z
    .string()
    .min(1)
    .optional()
    .describe("A file with such a key instead; default: one that is made beside a SQLite database when it is needed"),
});
