import { ConfigError, type LoadedConfig } from "../../config/load.ts";
import type { Overlay, OverlayEntry } from "../../config/overlay.ts";
import type { GatewayError } from "../../errors.ts";
import type { SecretBox } from "../../keys/secret-box.ts";
import type { AuditTrail, By, Deed } from "../audit-trail.ts";
import type { AdminDocuments } from "../documents.ts";
import { entryDocument, type OpenedEntry } from "./entry-document.ts";
import type { LiveConfig } from "./live-config.ts";
import type { OverlayBook, StoredEntry } from "./overlay-book.ts";
import { brokenBeneath, refuseConfig } from "./refuse-config.ts";
import type { Fields } from "./written-entry.ts";

type Named = Pick<OverlayEntry, "kind" | "name">;

/** An entry as it shall be; no `fields` = nothing is laid over what is beneath. */
export interface Change extends Named {
  readonly fields: Fields | undefined;
}

/** Changes of the configuration: one at a time, checked as a whole before they are kept, served at once. */
export interface Changes {
  readonly live: LiveConfig;
  /** As it is served, or will be when the work at hand is done. */
  loaded(): LoadedConfig;
  stored(entry: Named): StoredEntry;
  all(): Overlay;
  /** What is stored and left out, because secrets of it cannot be opened. */
  locked(): readonly OpenedEntry[];
  /**
   * Runs work that reads what there is and then makes changes, when all before it has ended. Rejects with GatewayError
   * (409) where nothing can be kept, else as the work does.
   */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** Work that makes many changes: they are served together when it has ended. */
  together<T>(work: () => Promise<T>): Promise<T>;
  /** What would be served with these changes. Throws GatewayError: 400 that says where it is not sound. */
  check(changes: readonly Change[]): LoadedConfig;
  /**
   * Keeps changes, in their order, and serves them; `onWritten` hears of each that is written. Rejects with GatewayError: 409
   * when somebody else was faster, 503.
   */
  keep(changes: readonly Change[], onWritten?: () => void): Promise<void>;
  tell(deed: Deed, by: By): Promise<void>;
}

export interface Kept {
  readonly documents: AdminDocuments;
  readonly trail: AuditTrail;
  readonly box: SecretBox | undefined;
  /** Hears what others have changed. Never rejects. */
  readonly look: () => Promise<void>;
}

export interface ChangesOptions {
  readonly live: LiveConfig;
  readonly book: OverlayBook;
  /** `undefined` = no database is configured. */
  readonly kept: Kept | undefined;
  /** What is told to whoever wants to change something where nothing can be kept. */
  readonly cannotKeep: () => GatewayError;
}

function isSame(left: Named, right: Named): boolean {
  return left.kind === right.kind && left.name === right.name;
}

export function createChanges({ live, book, kept, cannotKeep }: ChangesOptions): Changes {
  let last: Promise<unknown> = Promise.resolve();
  /** Works that make many changes. */
  let works = 0;
  /** With all that was kept since something was served. */
  let pending: LoadedConfig | undefined;
  let checked: LoadedConfig | undefined;

  function need(): Kept {
    if (kept === undefined) throw cannotKeep();
    return kept;
  }

  /** Without those that do not fit anyway, unless they are what is changed. */
  function overlayWith(changes: readonly Change[]): Overlay {
    const without = [...changes, ...live.leftOut()];
    const others = book.overlay().filter((entry) => !without.some((changed) => isSame(changed, entry)));
    return [
      ...others,
      ...changes.flatMap(({ fields, ...named }) => (fields === undefined ? [] : [{ ...named, fields }])),
    ];
  }

  function problemOf(error: ConfigError): GatewayError {
    try {
      live.preview(overlayWith([]));
    } catch (beneath) {
      if (beneath instanceof ConfigError) return brokenBeneath(beneath);
      throw beneath;
    }
    return refuseConfig(error);
  }

  function serve(): void {
    pending = undefined;
    live.serve(book.overlay());
  }

  /** How a change is written. Throws GatewayError (409) where it has secrets and nothing can be sealed. */
  function writing({ fields, kind, name }: Change, { documents, box }: Kept): () => Promise<unknown> {
    if (fields === undefined) return () => documents.remove(kind, name);
    const value = entryDocument({ kind, name, fields }, box);
    return () => documents.put({ kind, id: name, value, expectedVersion: book.find(kind, name).version });
  }

  return {
    live,
    loaded: () => pending ?? live.loaded(),
    stored: ({ kind, name }) => book.find(kind, name),
    all: () => book.overlay(),
    locked: () => book.locked(),
    alone<T>(work: () => Promise<T>): Promise<T> {
      const { look } = need();
      const turn = last.then(async () => {
        await look();
        return work();
      });
      last = turn.catch(() => undefined);
      return turn;
    },
    async together(work) {
      works += 1;
      try {
        return await work();
      } finally {
        works -= 1;
        if (works === 0 && pending !== undefined) serve();
      }
    },
    check(changes) {
      try {
        checked = live.preview(overlayWith(changes));
        return checked;
      } catch (error) {
        if (error instanceof ConfigError) throw problemOf(error);
        throw error;
      }
    },
    async keep(changes, onWritten) {
      const own = need();
      // All are sealed before the first is written: what cannot be kept leaves nothing behind.
      const writings = changes.map((change) => writing(change, own));
      try {
        for (const write of writings) {
          await write();
          onWritten?.();
        }
        if (works > 0) pending = checked;
      } finally {
        // Where not all of them could be kept, it is not what was checked.
        if (works === 0 || pending !== checked) serve();
      }
    },
    async tell(deed, by) {
      await kept?.trail.tell(deed, by);
    },
  };
}
