import { invalidRequest } from "../../errors.ts";
import type { Loss } from "../canonical/conversation.ts";
import { numberOf, type Fields } from "../fields.ts";
import { otherFields } from "../request-fields.ts";
import type { EmbeddingDialect, EmbeddingRequest } from "./embedding.ts";

/** Fields of any dialect without which the vectors are the same. */
const meaningless: ReadonlySet<string> = new Set(["user", "keep_alive", "metadata", "safety_identifier"]);

/** How long vectors shall be. Throws GatewayError (400). */
export function readDimensions(value: unknown, field: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const dimensions = numberOf(value);
  if (dimensions !== undefined && Number.isInteger(dimensions) && dimensions > 0) return dimensions;
  throw invalidRequest(`\`${field}\` must be a whole number above 0.`, field);
}

/** What else a body says, without what cannot matter. */
export function readExtra(body: Fields, known: readonly string[]): Fields {
  return otherFields(body, new Set([...known, ...meaningless]));
}

/** The rest of a request in its own dialect goes on; in another it is lost. */
export function carryExtra(
  { dialect, extra }: EmbeddingRequest,
  target: EmbeddingDialect,
): { rest: Fields; losses: Loss[] } {
  if (dialect === target) return { rest: extra, losses: [] };
  const losses = Object.keys(extra).map((field) => ({ field, reason: `not supported by ${target}` }));
  return { rest: {}, losses };
}

/** The inputs as texts. Throws GatewayError (400) for token numbers, which only OpenAI's dialect has. */
export function textsOf({ inputs }: EmbeddingRequest, upstream: string): readonly string[] {
  const texts = inputs.filter((input) => typeof input === "string");
  if (texts.length === inputs.length) return texts;
  throw invalidRequest(`\`input\` must be texts: ${upstream} takes no token numbers.`, "input");
}
