import { invalidRequest } from "../errors.ts";
import type { Loss } from "../protocols/canonical/conversation.ts";

export const warningsHeader = "x-orcestator-warnings";
export const strictHeader = "x-orcestator-strict";

const longestHeader = 2000;

/** What an answer's header says of what was left out: `dropped=logit_bias;reason="…"`, one after another. */
export function warningsOf(losses: readonly Loss[]): string {
  const text = losses
    .slice(0, mostNamed)
    .map(({ field, reason }) => `dropped=${field};reason="${reason.replaceAll('"', "'")}"`)
    .join(", ");
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, longestHeader);
}

/** A client may send any number of fields that nobody knows. */
const mostNamed = 50;

/** For records: the fields by their names. */
export function droppedFields(losses: readonly Loss[]): string[] {
  return losses.slice(0, mostNamed).map(({ field }) => field.slice(0, 200));
}

export function isStrict(client: Headers, byDefault: boolean): boolean {
  const wish = client.get(strictHeader);
  return wish === null ? byDefault : wish === "1" || wish.toLowerCase() === "true";
}

/** Strict mode: what cannot be carried is refused. Throws GatewayError (400) that names every field. */
export function refuseLosses(losses: readonly Loss[], upstream: string): void {
  const [first] = losses;
  if (first === undefined) return;
  const named = losses.slice(0, mostNamed).map(({ field, reason }) => `\`${field.slice(0, 200)}\` (${reason})`);
  const more = losses.length > mostNamed ? ` and ${losses.length - mostNamed} more` : "";
  const list = named.join(", ") + more;
  const message = `Strict mode: ${upstream} cannot take ${list}. Leave it out, choose another model, or send ${strictHeader}: 0.`;
  throw invalidRequest(message, first.field);
}
