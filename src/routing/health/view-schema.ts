import { z } from "zod";

const text = z.string();
const count = z.number();
const maybeTime = count.nullish().describe("Epoch milliseconds");
const maybeMs = count.nullish();

const placeSchema = z.object({
  status: z.enum(["healthy", "degraded", "unhealthy"]),
  circuit: z.enum(["closed", "open", "half_open"]),
  reason: text.nullish().describe("Why it is not healthy"),
  openUntil: maybeTime,
  inFlight: count,
  requests: count.describe("Within the window (health.window)"),
  errors: count,
  errorsInRow: count,
  lastError: z
    .object({ at: count, code: text, status: count.nullish(), message: text })
    .nullish()
    .describe("`status` = what the upstream answered with"),
  lastSuccessAt: maybeTime,
  latencyMs: z
    .object({ stream: maybeMs, whole: maybeMs })
    .describe("Until the first content of a stream, until a whole answer"),
});

/** `ProviderHealthView` as JSON; `null` = not known, or it does not apply. */
export const providerHealthSchema = z.object({
  provider: text,
  status: placeSchema.shape.status,
  probe: z
    .object({ at: count, ok: z.boolean(), ms: count, message: text.nullish() })
    .nullish()
    .describe("The newest request for its list of models (health.probes)"),
  targets: z.array(
    placeSchema.extend({
      model: text.describe("As the provider calls it; empty = what goes through without one (/p/…)"),
    }),
  ),
  credentials: z.array(
    placeSchema.extend({
      label: text.describe("Its place in the list, and the end of the key"),
      coolingUntil: z.record(text, count).describe("Model → end of the rest after a 429, or a 403 for it"),
      refusedModels: z.array(text).describe("Those of them that are forbidden to it (403)"),
      disabled: z.object({ since: count, until: count, reason: text }).nullish(),
    }),
  ),
});

export const allProvidersHealthSchema = z.object({ providers: z.array(providerHealthSchema) });

/** As read from JSON. */
export type ProviderHealth = z.infer<typeof providerHealthSchema>;
