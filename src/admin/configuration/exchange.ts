import { changedPlaces, configDifferences } from "../../config/differences.ts";
import { overlayPlace } from "../../config/overlay.ts";
import { isPlainObject, pathText } from "../../config/path.ts";
import type { DocumentStore } from "../../storage/document-store.ts";
import { version } from "../../version.ts";
import type { By } from "../audit-trail.ts";
import type { BeginBudgets } from "../begin-budgets.ts";
import {
  type ConfigExport,
  type ConfigImportResult,
  exportFormat,
  type ExportQuery,
  type ImportQuery,
} from "../contract/config.ts";
import type { Change, Changes } from "./changes.ts";
import { documentKeys, unaskedKeys } from "./document-keys.ts";
import { exportedConfig } from "./exported-config.ts";
import { planImport } from "./import-plan.ts";
import { exportKeys, type KeptChange, planKeys } from "./kept-keys.ts";
import { modelRules } from "./models.ts";
import { providerRules } from "./providers.ts";
import type { Fields } from "./written-entry.ts";

/** The configuration as one document. Calls reject with GatewayError. */
export interface Exchange {
  export(query: ExportQuery, by: By): Promise<ConfigExport>;
  /** An export, or the configuration alone. 400 that says where it would not be sound; then nothing has changed. */
  import(document: Fields, query: ImportQuery, by: By): Promise<ConfigImportResult>;
}

export interface ExchangeOptions {
  readonly changes: Changes;
  /** `undefined` = no database is configured. */
  readonly store:
    | {
        readonly documents: Pick<DocumentStore, "list" | "put">;
        readonly beginBudgets: BeginBudgets;
        readonly look: () => Promise<void>;
      }
    | undefined;
  readonly now: () => number;
}

const rules = { provider: providerRules, model: modelRules };
/** An import that was found sound. */
interface Import {
  readonly all: readonly Change[];
  readonly kept: readonly KeptChange[];
}

/** So many differences are told to the audit log. */
const mostTold = 200;

/** What others stand on goes first, and what is taken away last. */
function inOrder(changes: readonly Change[]): Change[] {
  const order = ["provider", "model", "setting"];
  return [...changes].sort((left, right) => order.indexOf(left.kind) - order.indexOf(right.kind));
}

export function createExchange({ changes, store, now }: ExchangeOptions): Exchange {
  const { live } = changes;

  /**
   * Keys come last: they open what all the rest describes. `onWritten` hears how many there are so far; `undefined` = not
   * even a change of the configuration.
   */
  async function keep({ all, kept }: Import, onWritten: (keys: number | undefined) => void): Promise<void> {
    await changes.keep(all, (count) => onWritten(count > 0 ? 0 : undefined));
    try {
      for (const [index, { document, budgets }] of kept.entries()) {
        if (budgets !== undefined) await store?.beginBudgets(budgets);
        await store?.documents.put(document);
        onWritten(index + 1);
        // Requests have their turn between two of them.
        await new Promise(setImmediate);
      }
    } finally {
      if (kept.length > 0) await store?.look();
    }
  }

  return {
    async export({ secrets, include }, by) {
      const keys = include.includes("keys") && store !== undefined ? await exportKeys(store.documents) : undefined;
      const after = { secrets, include };
      await changes.tell({ action: "config.export", subject: "config", before: undefined, after }, by);
      return {
        format: exportFormat,
        version,
        exportedAt: new Date(now()).toISOString(),
        ...exportedConfig(live.loaded(), secrets),
        leftOut: live.leftOut().map((entry) => pathText(overlayPlace(entry))),
        ...(keys && { keys: [...keys.keys], teams: [...keys.teams] }),
      };
    },
    import: (document, { dryRun, replace, include }, by) =>
      changes.alone(async () => {
        const isExport = isPlainObject(document["config"]);
        const tree = isExport ? (document["config"] as Fields) : document;
        const isAsked = include.includes("keys");
        const wanted = isExport && isAsked ? documentKeys(document) : {};
        // From here to the first write nothing is waited for, so that what is written is what was checked.
        const kept = store === undefined ? [] : await planKeys(store.documents, wanted);
        const plan = planImport(changes, { tree, replace }, rules);
        const all = [...inOrder(plan.changes), ...inOrder(plan.removals).reverse()];
        const before = live.loaded();
        const after = changes.check(all);
        for (const { kind, name, given } of plan.changes)
          if (kind !== "setting") rules[kind].checkChange({ name, before, after, given });
        const differences = configDifferences(before.config, after.config);
        let written: number | undefined;
        try {
          if (!dryRun) {
            await keep({ all, kept }, (keys) => void (written = keys));
            // One that changes nothing was made all the same.
            written ??= 0;
          }
        } finally {
          if (written !== undefined) {
            const places = changedPlaces(differences, { before: before.config, after: after.config });
            const told = { places: places.slice(0, mostTold), keys: written, replace };
            await changes.tell({ action: "config.import", subject: "config", before: undefined, after: told }, by);
          }
        }
        return {
          dryRun,
          differences: differences.map(({ path, before: was = null, after: is = null }) => ({
            path,
            before: was,
            after: is,
          })),
          ignored: [...plan.ignored],
          keys: kept.length,
          warnings: [
            ...(isExport && !isAsked ? unaskedKeys(document) : []),
            ...after.warnings.filter((warning) => !before.warnings.includes(warning)),
          ],
        };
      }),
  };
}
