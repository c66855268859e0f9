import { z } from "zod";
import { errorText } from "../../lib/error-text.ts";

const common = {
  provider: z.string(),
  /** Epoch milliseconds until which it is left alone; null = it works again. */
  until: z.number().nullable(),
};

const schema = z.discriminatedUnion("about", [
  z.object({
    ...common,
    about: z.literal("circuit"),
    baseUrl: z.string(),
    model: z.string(),
    /** Without an upstream's words. */
    reason: z.string(),
  }),
  z.object({
    ...common,
    about: z.literal("credential"),
    /** Tells keys apart without giving one away. */
    mark: z.string(),
    /** null = for all of them. */
    model: z.string().nullable(),
    /** What the upstream answered. */
    status: z.number().nullable(),
    code: z.enum(["insufficient_quota", "upstream_rejected_credential", "rate_limit_exceeded"]),
  }),
]);

/** That a target or a credential is left alone from now on, or works again: what gateways tell each other. */
export type HealthChange = z.infer<typeof schema>;
export type CircuitChange = Extract<HealthChange, { about: "circuit" }>;
export type CredentialChange = Extract<HealthChange, { about: "credential" }>;

/** Throws an Error for what no gateway writes. */
export function readHealthChange(text: string): HealthChange {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`What another gateway said of an upstream is not understood: ${errorText(error).slice(0, 200)}`, {
      cause: error,
    });
  }
}

/** Of whom it speaks: a later change takes the place of an earlier one. */
export function subjectOf(change: HealthChange): string {
  const { about, provider, model } = change;
  const which = change.about === "circuit" ? change.baseUrl : change.mark;
  return JSON.stringify([about, provider, which, model]);
}
