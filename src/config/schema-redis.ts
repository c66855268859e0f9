import { z } from "zod";
import { redisUrlProblem } from "./redis-url.ts";
import { duration, flag } from "./setting-types.ts";

const redisUrl = z.string().superRefine((text, context) => {
  const message = redisUrlProblem(text);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

export const redis = z.strictObject({
  url: redisUrl
    .optional()
    .describe(
      "Redis (5 or newer) that gateways share: redis://:password@host:6379, rediss://… for TLS, unix:///path/redis.sock. Limits, budgets, circuits and affinity then hold for all of them together",
    ),
  enabled: flag.default(true).describe("false = the URL is not used"),
  timeout: duration("60ms", { minMs: 5, maxMs: 1000 }).describe(
    "Longest wait for an answer of Redis; the first request that waits for it in vain spares the others",
  ),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_.:-]{1,60}$/, { message: "must be 1 to 60 of A-Z, a-z, 0-9 and _ . : -" })
    .default("orcestator")
    .describe("Beginning of all keys; gateways with the same one share what they know"),
  whenDown: z
    .enum(["local", "closed"])
    .default("local")
    .describe(
      "While Redis cannot be reached: local = each gateway grants its part of every limit (the limit divided by the gateways seen last), and likewise its part of what is left of budgets; closed = what is limited is refused with 503",
    ),
});
