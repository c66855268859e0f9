import { ConfigError, type LoadedConfig } from "../../config/load.ts";
import type { Overlay } from "../../config/overlay.ts";
import type { GatewayError } from "../../errors.ts";
import type { SecretBox } from "../../keys/secret-box.ts";
import { isConflict } from "../../storage/conflict.ts";
import type { AuditTrail, By, Deed } from "../audit-trail.ts";
import type { AdminDocuments } from "../documents.ts";
import { entryDocument, type OpenedEntry } from "./entry-document.ts";
import type { LiveConfig } from "./live-config.ts";
import type { OverlayBook, StoredEntry } from "./overlay-book.ts";
import { putBack, type Written } from "./put-back.ts";
import { brokenBeneath, refuseCollision, refuseConfig } from "./refuse-config.ts";
import type { Fields, Named } from "./written-entry.ts";

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
   * Keeps changes that were just checked, in their order, and serves them; `onWritten` hears how many are. Rejects with
   * GatewayError: 409 when somebody else was faster (then none is), 503.
   */
  keep(changes: readonly Change[], onWritten?: (count: number) => void): Promise<void>;
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

/** What was found sound, and of what. */
interface Checked {
  readonly loaded: LoadedConfig;
  /** Of all changes that were known then. */
  readonly mark: number;
  /** Changes that did not fit anyway. */
  readonly leftOut: Overlay;
}

export function createChanges({ live, book, kept, cannotKeep }: ChangesOptions): Changes {
  let last: Promise<unknown> = Promise.resolve();
  /** Works that make many changes. */
  let works = 0;
  /** With all that was kept since something was served. */
  let pending: LoadedConfig | undefined;
  let checked: Checked | undefined;

  function need(): Kept {
    if (kept === undefined) throw cannotKeep();
    return kept;
  }

  /** Without those that do not fit anyway, unless they are what is changed. */
  function overlayWith(changes: readonly Change[], leftOut = live.leftOut()): Overlay {
    const without = [...changes, ...leftOut];
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
  function writing({ fields, kind, name }: Change, { documents, box }: Kept): () => Promise<Written> {
    const value = fields && entryDocument({ kind, name, fields }, box);
    return async () => {
      const before = book.find(kind, name);
      if (value === undefined) await documents.remove(kind, name);
      else await documents.put({ kind, id: name, value, expectedVersion: before.version });
      return { kind, name, before, version: book.find(kind, name).version };
    };
  }

  /**
   * Looks once more at what others wrote while this was written. What came before it was not known when it was checked;
   * who came after it will look after it too, and give way.
   */
  async function checkAgain(written: readonly Written[], { mark, leftOut }: Checked): Promise<void> {
    await need().look();
    const last = Math.max(...written.map(({ kind, name }) => book.lastVersion(kind, name)));
    const isOwn = (other: Named): boolean => written.some((own) => isSame(own, other));
    const isUnseen = book.changedSince(mark).some((other) => other.version < last && !isOwn(other));
    if (!isUnseen) return;
    try {
      live.preview(
        overlayWith(
          [],
          leftOut.filter((entry) => !isOwn(entry)),
        ),
      );
    } catch (error) {
      throw error instanceof ConfigError ? refuseCollision(error) : error;
    }
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
        const leftOut = live.leftOut();
        checked = { loaded: live.preview(overlayWith(changes)), mark: book.mark(), leftOut };
        return checked.loaded;
      } catch (error) {
        if (error instanceof ConfigError) throw problemOf(error);
        throw error;
      }
    },
    async keep(changes, onWritten) {
      const own = need();
      const sound = checked;
      // All are sealed before the first is written: what cannot be kept leaves nothing behind.
      const writings = changes.map((change) => writing(change, own));
      const written: Written[] = [];
      try {
        for (const write of writings) {
          written.push(await write());
          onWritten?.(written.length);
        }
        if (sound !== undefined) await checkAgain(written, sound);
        if (works > 0) pending = sound?.loaded;
      } catch (error) {
        if (isConflict(error)) {
          await putBack(written, own.documents);
          onWritten?.(0);
        }
        throw error;
      } finally {
        // Where not all of them could be kept, it is not what was checked.
        if (works === 0 || pending !== sound?.loaded) serve();
      }
    },
    async tell(deed, by) {
      await kept?.trail.tell(deed, by);
    },
  };
}
