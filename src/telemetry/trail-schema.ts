import { z } from "zod";
import type { Trail } from "./trail.ts";

const count = z.number();
const text = z.string();
const maybeText = text.nullish();
const maybeNumber = z.number().nullish();

const candidate = z.object({
  provider: text,
  model: text,
  state: text.describe("healthy, degraded, unhealthy … when the choice was made"),
  score: maybeNumber.describe("What the strategy compares"),
  skipped: maybeText.describe("Why it was not tried"),
});

const attempt = z.object({
  provider: text,
  model: text,
  credential: text.describe("Its label, never the key"),
  kind: z.enum(["first", "retry", "failover", "hedge", "last_resort"]),
  atMs: count.describe("Milliseconds since the request's arrival"),
  ms: count.describe("Until its answer began or it was given up"),
  outcome: text.describe("ok, called_off, or an error code"),
  status: maybeNumber.describe("What the upstream answered with"),
  cause: maybeText,
});

/** A trail as JSON holds it, where `null` or nothing stands for what is not known. */
export const trailSchema = z.object({
  routedBy: maybeText.describe("What made another model of the one asked for"),
  model: text,
  strategy: text,
  affinity: z.enum(["kept", "moved"]).nullish(),
  candidates: z.array(candidate),
  attempts: z.array(attempt),
  waits: z.array(z.object({ for: text, atMs: count, ms: count })),
  lane: maybeText.describe("How the request was carried: same, translate …"),
  fallbacks: z
    .array(z.object({ model: text, because: maybeText, atMs: count, attemptsBefore: count.nullish() }))
    .nullish(),
  omitted: z.object({ candidates: count, attempts: count, waits: count }).nullish(),
});

/** The same value without the nulls that JSON has for what is not known. */
export function withoutNulls(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutNulls(inner)]));
}

/** A trail that was kept as text; `undefined` when the text is none. */
export function parseTrail(json: string): Trail | undefined {
  try {
    const { data } = trailSchema.safeParse(JSON.parse(json));
    return data === undefined ? undefined : (withoutNulls(data) as Trail);
  } catch {
    return undefined;
  }
}
