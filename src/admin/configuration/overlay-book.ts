import type { Overlay, OverlayEntry } from "../../config/overlay.ts";
import type { SecretBox } from "../../keys/secret-box.ts";
import type { DocumentChange, StoredDocument } from "../../storage/document-store.ts";
import { entryIn, isEntryKind, type OpenedEntry } from "./entry-document.ts";

export interface StoredEntry {
  /** 0 = there is none. */
  readonly version: number;
  /** `undefined` = there is none, or none that can be read. */
  readonly entry: OverlayEntry | undefined;
  /** What can be read of one that is left out, because secrets of it cannot be opened. */
  readonly locked?: OpenedEntry | undefined;
  /** The document's value, sealed as it is. */
  readonly value?: unknown;
}

/** That an entry was changed or removed, by whomever. */
export interface SeenChange extends Pick<OverlayEntry, "kind" | "name"> {
  readonly version: number;
}

/** All changes of the configuration that the store has, in memory. */
export interface OverlayBook {
  find(kind: OverlayEntry["kind"], name: string): StoredEntry;
  overlay(): Overlay;
  /** Of the last change that was seen of an entry, its removal too; 0 = none was. */
  lastVersion(kind: OverlayEntry["kind"], name: string): number;
  /** Stands for all that was applied so far. */
  mark(): number;
  /** Entries that were changed since a mark, each with its last change. */
  changedSince(mark: number): SeenChange[];
  /** Entries that are left out, because secrets of them cannot be opened. */
  locked(): readonly OpenedEntry[];
  /** A change of any document; whether it changed anything here. */
  apply(change: DocumentChange): boolean;
}

export interface OverlayBookOptions {
  /** `undefined` = nothing can be sealed. */
  readonly box: SecretBox | undefined;
  readonly onProblem: (message: string) => void;
}

interface Known extends StoredEntry, SeenChange {
  readonly isRemoved: boolean;
  /** The how-manieth change it was that was applied. */
  readonly order: number;
}

export function createOverlayBook({ box, onProblem }: OverlayBookOptions): OverlayBook {
  const known = new Map<string, Known>();
  let applied = 0;

  function read(document: StoredDocument): Pick<Known, "entry" | "locked"> {
    const found = entryIn(document, box);
    if (found === undefined) {
      onProblem(`The stored change of the ${document.kind} ${document.id} cannot be read: it is left out.`);
      return { entry: undefined };
    }
    const [why] = Object.values(found.unopened);
    if (why === undefined) return { entry: found.entry };
    onProblem(`The stored change of the ${document.kind} ${document.id} is left out. ${why}`);
    return { entry: undefined, locked: found };
  }

  return {
    find(kind, name) {
      const found = known.get(`${kind}/${name}`);
      if (found === undefined || found.isRemoved) return { version: 0, entry: undefined };
      const { version, entry, locked, value } = found;
      return { version, entry, locked, value };
    },
    lastVersion: (kind, name) => known.get(`${kind}/${name}`)?.version ?? 0,
    mark: () => applied,
    changedSince: (mark) =>
      [...known.values()].flatMap(({ kind, name, version, order }) => (order > mark ? { kind, name, version } : [])),
    overlay: () => [...known.values()].flatMap(({ entry }) => entry ?? []),
    locked: () => [...known.values()].flatMap(({ locked }) => locked ?? []),
    apply(change) {
      if (!isEntryKind(change.kind)) return false;
      const { kind, id: name, version, isRewound } = change;
      const path = `${kind}/${name}`;
      const before = known.get(path);
      if (before !== undefined && version <= before.version && isRewound !== true) return false;
      const now = "value" in change ? { ...read(change), value: change.value } : { entry: undefined };
      applied += 1;
      // What is made anew comes last, as what is new.
      if (before?.isRemoved === true) known.delete(path);
      known.set(path, { ...now, kind, name, version, order: applied, isRemoved: !("value" in change) });
      return now.entry !== undefined || before?.entry !== undefined;
    },
  };
}
