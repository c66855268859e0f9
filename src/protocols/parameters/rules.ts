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

interface LimitAsked {
  /** By the client; `undefined` = it asks for none. */
  readonly asked: number | undefined;
  /** Of an answer that nobody limits. */
  readonly usual: number;
  /** The upstream may speak a protocol that requires the field: a removal leaves it. */
  readonly mayStay: boolean | undefined;
}

/** The longest answer, in tokens, that is asked for once the rules are followed. */
export function outputLimit(rules: ParameterRules, { asked, usual, mayStay }: LimitAsked): number {
  const override = limitIn(rules.overrides);
  if (override !== undefined) return limitedBy(override, usual);
  const unasked = limitedBy(defaultOutputLimit(rules), usual);
  if (!outputLimits.some((name) => rules.remove.includes(name))) return asked ?? unasked;
  return mayStay === true ? Math.max(asked ?? 0, unasked) : unasked;
}

/** Ollama's -1 and -2 stand for no limit. */
function limitedBy(limit: number | undefined, usual: number): number {
  return limit !== undefined && limit > 0 ? limit : usual;
}

function limitIn(fields: Readonly<Record<string, unknown>>): number | undefined {
  const limits = Object.entries(fields).filter(([name, value]) => outputLimits.includes(name) && value !== null);
  return numberOf(limits.at(-1)?.[1]);
}
