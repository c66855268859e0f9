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
}

/** All changes of the configuration that the store has, in memory. */
export interface OverlayBook {
  find(kind: OverlayEntry["kind"], name: string): StoredEntry;
  overlay(): Overlay;
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

interface Known extends StoredEntry {
  readonly isRemoved: boolean;
}

export function createOverlayBook({ box, onProblem }: OverlayBookOptions): OverlayBook {
  const known = new Map<string, Known>();

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
      const { version, entry, locked } = found;
      return { version, entry, locked };
    },
    overlay: () => [...known.values()].flatMap(({ entry }) => entry ?? []),
    locked: () => [...known.values()].flatMap(({ locked }) => locked ?? []),
    apply(change) {
      if (!isEntryKind(change.kind)) return false;
      const path = `${change.kind}/${change.id}`;
      const before = known.get(path);
      if (before !== undefined && change.version <= before.version) return false;
      const now = "value" in change ? read(change) : { entry: undefined };
      known.set(path, { ...now, version: change.version, isRemoved: !("value" in change) });
      return now.entry !== undefined || before?.entry !== undefined;
    },
  };
}
