import { createId } from "../../lib/ids.ts";
import type { RequestRecord } from "../../telemetry/request-record.ts";
import type { TableRow } from "../tables.ts";
import { labelsOf, type UsageLabels } from "./labels.ts";
import { addFigures, emptyMeasures, figuresOf, type Measures, measureValues } from "./measures.ts";
import { bucketStart, quarterMs, usageSlot, type UsageView, usageViews } from "./views.ts";

/**
 * Counts what one writer has written, as rows that it alone writes: several processes never wait for each other, and a row
 * says how much, not how much more, so that writing it twice is writing it once. Where a transaction ends unknown, its rows
 * are left as they are, counted or not, and new ones begun.
 */
export interface UsageLedger {
  /**
   * Counts the records that a transaction really added. The rows are to be written over those of the same id, in that same
   * transaction.
   */
  count(records: readonly RequestRecord[]): TableRow[];
  /** The transaction did not end well, or nobody knows: what is counted from now on stands in new rows. */
  beginAnew(): void;
}

/** One row of totals with everything that was counted in it so far. */
interface Entry {
  /** What the row says besides its numbers. */
  readonly head: Readonly<Record<"id" | "key_id" | "model" | "provider", string | null> & { at: number }>;
  readonly measures: Measures;
}

/** Of the hours that still go on; beyond it all begin anew, which costs nothing but rows. */
const mostEntries = 5000;
const views: readonly UsageView[] = Object.values(usageViews);

/** What a row costs besides its texts, its indexes too. */
const rowBytes = 700;

function recordBytes({ userText, assistantText, packedTrail }: RequestRecord): number {
  return rowBytes + (userText?.length ?? 0) + (assistantText?.length ?? 0) + (packedTrail?.length ?? 0);
}

export function createUsageLedger(): UsageLedger {
  const entries = new Map<string, Entry>();
  /** The rows that a combination of labels counts in, for a quarter of an hour. */
  const rowsOf = new Map<string, readonly Entry[]>();

  function entryOf(view: UsageView, quarter: number, labels: UsageLabels): Entry {
    const at = bucketStart(quarter, view.grainMs);
    const slot = usageSlot(view, at, labels);
    const known = entries.get(slot);
    if (known !== undefined) return known;
    const { key, model, provider } = Object.fromEntries(view.labels.map((name) => [name, labels[name]]));
    const names = { key_id: key ?? null, model: model ?? null, provider: provider ?? null };
    const entry = { head: { id: `${slot}/${createId("")}`, at, ...names }, measures: emptyMeasures() };
    entries.set(slot, entry);
    return entry;
  }

  function beginAnew(): void {
    entries.clear();
    rowsOf.clear();
  }

  function entriesOf(record: RequestRecord): readonly Entry[] {
    const quarter = bucketStart(record.startedAt, quarterMs);
    const name = `${quarter}\n${record.keyId}\n${record.modelServed}\n${record.modelAsked}\n${record.provider}`;
    const known = rowsOf.get(name);
    if (known !== undefined) return known;
    const labels = labelsOf(record);
    const found = views.map((view) => entryOf(view, quarter, labels));
    rowsOf.set(name, found);
    return found;
  }

  return {
    count(records) {
      if (entries.size + rowsOf.size > mostEntries) beginAnew();
      const changed = new Set<Entry>();
      for (const record of records) {
        const figures = figuresOf(record, recordBytes(record));
        for (const entry of entriesOf(record)) {
          addFigures(entry.measures, figures);
          changed.add(entry);
        }
      }
      return [...changed].map(({ head, measures }) => ({ ...head, ...measureValues(measures) }));
    },
    beginAnew,
  };
}
