import { createId } from "../../lib/ids.ts";
import { createModelLabel, type ModelLabel } from "../../telemetry/model-label.ts";
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
  /** End of its bucket. */
  readonly until: number;
}

/** Beyond it those of hours and days that are over go; where that is not enough, all begin anew, which costs rows. */
const mostEntries = 20_000;
/** Buckets of which the models are known that they tell apart: of the keys that are used in one hour, and some more. */
const mostBuckets = 20_000;
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

  /** By bucket. They stay when all begins anew: names that somebody invents would get rows again each time. */
  const modelLabels = new Map<string, ModelLabel>();

  function modelLabelOf(bucket: string): ModelLabel {
    const known = modelLabels.get(bucket);
    if (known !== undefined) return known;
    const [oldest] = modelLabels.keys();
    if (oldest !== undefined && modelLabels.size >= mostBuckets) modelLabels.delete(oldest);
    const label = createModelLabel();
    modelLabels.set(bucket, label);
    return label;
  }

  /** Where one key names too many models, the others' are still told apart among their own. */
  function boundedLabels(view: UsageView, at: number, labels: UsageLabels): UsageLabels {
    if (!view.labels.includes("model")) return labels;
    const label = modelLabelOf(`${view.name}\n${at}\n${view.isByKey === true ? labels.key : ""}`);
    return { ...labels, model: label(labels.model) };
  }

  function entryOf(view: UsageView, quarter: number, all: UsageLabels): Entry {
    const at = bucketStart(quarter, view.grainMs);
    const labels = boundedLabels(view, at, all);
    const slot = usageSlot(view, at, labels);
    const known = entries.get(slot);
    if (known !== undefined) return known;
    const { key, model, provider } = Object.fromEntries(view.labels.map((name) => [name, labels[name]]));
    const names = { key_id: key ?? null, model: model ?? null, provider: provider ?? null };
    const head = { id: `${slot}/${createId("")}`, at, ...names };
    const entry = { head, measures: emptyMeasures(), until: at + view.grainMs };
    entries.set(slot, entry);
    return entry;
  }

  function beginAnew(): void {
    entries.clear();
    rowsOf.clear();
  }

  /** What comes late for a bucket that is over gets a row of its own. */
  function makeRoom(newest: number): void {
    rowsOf.clear();
    for (const [slot, { until }] of entries) if (until <= newest) entries.delete(slot);
    if (entries.size > mostEntries / 2) beginAnew();
  }

  function entriesOf(record: RequestRecord): readonly Entry[] {
    const quarter = bucketStart(record.startedAt, quarterMs);
    const labels = labelsOf(record);
    const name = `${quarter}\n${labels.key}\n${labels.model}\n${labels.provider}`;
    const known = rowsOf.get(name);
    if (known !== undefined) return known;
    const found = views.map((view) => entryOf(view, quarter, labels));
    rowsOf.set(name, found);
    return found;
  }

  return {
    count(records) {
      if (entries.size > mostEntries) makeRoom(Math.max(0, ...records.map(({ startedAt }) => startedAt)));
      // Many names may count in few rows.
      if (rowsOf.size > mostEntries) rowsOf.clear();
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
