import type { Overlay, OverlayEntry } from "../../config/overlay.ts";
import type { SecretBox } from "../../keys/secret-box.ts";
import { errorText } from "../../lib/error-text.ts";
import type { DocumentChange, StoredDocument } from "../../storage/document-store.ts";
import { entryIn, isEntryKind } from "./entry-document.ts";

export interface StoredEntry {
  /** 0 = there is none. */
  readonly version: number;
  /** `undefined` = there is none, or none that can be read. */
  readonly entry: OverlayEntry | undefined;
}

/** All changes of the configuration that the store has, in memory. */
export interface OverlayBook {
  find(kind: OverlayEntry["kind"], name: string): StoredEntry;
  overlay(): Overlay;
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

  function read(document: StoredDocument): OverlayEntry | undefined {
    try {
      const entry = entryIn(document, box);
      if (entry !== undefined) return entry;
      onProblem(`The stored change of the ${document.kind} ${document.id} cannot be read: it is left out.`);
    } catch (error) {
      onProblem(`The stored change of the ${document.kind} ${document.id} is left out. ${errorText(error)}`);
    }
    return undefined;
  }

  return {
    find(kind, name) {
      const found = known.get(`${kind}/${name}`);
      if (found === undefined || found.isRemoved) return { version: 0, entry: undefined };
      return { version: found.version, entry: found.entry };
    },
    overlay: () => [...known.values()].flatMap(({ entry }) => entry ?? []),
    apply(change) {
      if (!isEntryKind(change.kind)) return false;
      const path = `${change.kind}/${change.id}`;
      const before = known.get(path);
      if (before !== undefined && change.version <= before.version) return false;
      const entry = "value" in change ? read(change) : undefined;
      known.set(path, { version: change.version, entry, isRemoved: !("value" in change) });
      return entry !== undefined || before?.entry !== undefined;
    },
  };
}
