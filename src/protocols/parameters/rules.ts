import { numberOf } from "../fields.ts";

/** Changes to the fields of requests, named as OpenAI chat names them; a name with dots reaches into objects. */
export interface ParameterRules {
  /** For requests whose client sent none; `null` counts as none, and a default of `null` adds nothing. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Whatever the client sent. */
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly remove: readonly string[];
}

/** Either bounds the answer: whichever is sent means both. */
export const outputLimits: readonly string[] = ["max_tokens", "max_completion_tokens"];

/**
 * The default for the longest answer, in tokens; `undefined` = none. Some protocols require the field, so that the
 * translate lane writes one of its own for a client that sent none: the default must be known before.
 */
export function defaultOutputLimit({ defaults }: ParameterRules): number | undefined {
  return limitIn(defaults);
}

/** The longest answer, in tokens, that is asked for once the rules are followed; `undefined` = nobody says. */
export function outputLimit(rules: ParameterRules, asked: number | undefined): number | undefined {
  const kept = outputLimits.some((name) => rules.remove.includes(name)) ? undefined : asked;
  return limitIn(rules.overrides) ?? kept ?? defaultOutputLimit(rules);
}

function limitIn(fields: Readonly<Record<string, unknown>>): number | undefined {
  const limits = Object.entries(fields).filter(([name, value]) => outputLimits.includes(name) && value !== null);
  return numberOf(limits.at(-1)?.[1]);
}
