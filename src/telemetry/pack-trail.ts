import { fitTrail } from "./fit-trail.ts";
import type { RequestRecord } from "./request-record.ts";
import { parseTrail } from "./trail-schema.ts";
import type { Trail } from "./trail.ts";

/** Bytes of JSON. */
const mostBytes = 16 * 1024;
/** An entry of this many characters cannot be too long, whatever JSON and UTF-8 make of them. */
const shortEntry = 200;
const fewEntries = 10;

interface Entry {
  readonly provider: string;
  readonly model: string;
}

function isShort({ provider, model }: Entry): boolean {
  return provider.length + model.length <= shortEntry;
}

/** Next to all trails are: they are written once and not measured before. */
function isSurelySmall({ model, candidates, attempts, waits, fallbacks }: Trail): boolean {
  if (candidates.length + attempts.length + waits.length > fewEntries || fallbacks !== undefined) return false;
  if (model.length > shortEntry || !candidates.every(isShort) || !attempts.every(isShort)) return false;
  return attempts.every(({ cause }) => cause === undefined || cause.length <= shortEntry);
}

/** A trail as JSON text of at most 16 KiB. */
export function trailText(trail: Trail): string {
  return JSON.stringify(isSurelySmall(trail) ? trail : fitTrail(trail, mostBytes));
}

/** A record that has ended keeps its trail as text. */
export function packTrail(record: RequestRecord): void {
  if (record.trail === undefined) return;
  record.packedTrail = trailText(record.trail);
  record.trail = undefined;
}

/** The trail that was written down, packed or not. */
export function ownTrail({ trail, packedTrail }: RequestRecord): Trail | undefined {
  return packedTrail === undefined ? trail : parseTrail(packedTrail);
}
