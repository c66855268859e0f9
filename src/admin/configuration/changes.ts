import { ConfigError, type LoadedConfig } from "../../config/load.ts";
import type { Overlay } from "../../config/overlay.ts";
import type { GatewayError } from "../../errors.ts";
import type { SecretBox } from "../../keys/secret-box.ts";
import { isConflict } from "../../storage/conflict.ts";
import type { AuditTrail, By, Deed } from "../audit-trail.ts";
import type { AdminDocuments } from "../documents.ts";
import { entryDocument, type OpenedEntry } from "./entry-document.ts";
import type { LiveConfig } from "./live-config.ts";
import type { OverlayBook, SeenChange, StoredEntry } from "./overlay-book.ts";
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

function pathOf({ kind, name }: Named): string {
  return `${kind}/${name}`;
}

function without<Entry extends Named>(entries: readonly Entry[], others: readonly Named[]): Entry[] {
  const paths = new Set(others.map(pathOf));
  return entries.filter((entry) => !paths.has(pathOf(entry)));
}

/** What there is, each at its place, and then what is new. */
function laidOver(there: Overlay, changes: readonly Change[]): Overlay {
  const changed = new Map(changes.map((change) => [pathOf(change), change]));
  const entryOf = ({ kind, name, fields }: Change): Overlay => (fields === undefined ? [] : [{ kind, name, fields }]);
  const isNew = without(changes, there);
  const kept = there.flatMap((entry) => {
    const change = changed.get(pathOf(entry));
    return change === undefined ? [entry] : entryOf(change);
  });
  return [...kept, ...isNew.flatMap(entryOf)];
}

/** What was found sound, and of what. */
interface Checked {
  readonly loaded: LoadedConfig;
  readonly changes: readonly Named[];
  /** Of all changes that were known then. */
  readonly mark: number;
  /** Changes besides that did not fit anyway. */
  readonly leftOut: Overlay;
}

export function createChanges({ live, book, kept, cannotKeep }: ChangesOptions): Changes {
  let last: Promise<unknown> = Promise.resolve();
  /** Works that make many changes. */
  let works = 0;
  /** With all that was kept since something was served. */
  let pending: Checked | undefined;
  let checked: Checked | undefined;

  function need(): Kept {
    if (kept === undefined) throw cannotKeep();
    return kept;
  }

  /** Throws ConfigError. */
  function preview(changes: readonly Change[], out: Overlay): Checked {
    // Without those that do not fit anyway, unless they are what is changed.
    const leftOut = without(out, changes);
    const loaded = live.preview(laidOver(without(book.overlay(), leftOut), changes));
    return { loaded, changes, leftOut, mark: book.mark() };
  }

  function problemOf(error: ConfigError): GatewayError {
    try {
      preview([], live.leftOut());
    } catch (beneath) {
      if (beneath instanceof ConfigError) return brokenBeneath(beneath);
      throw beneath;
    }
    return refuseConfig(error);
  }

  /** What came from elsewhere since something was checked. */
  function comeSince({ mark, changes }: Checked): SeenChange[] {
    return without(book.changedSince(mark), changes);
  }

  /** `sound` = with all that was kept: where nothing else has come, and all fits, it need not be read again. */
  function serve(sound?: Checked): void {
    const isAll = sound !== undefined && sound.leftOut.length === 0 && comeSince(sound).length === 0;
    pending = undefined;
    live.serve(book.overlay(), isAll ? sound.loaded : undefined);
  }

  /** How a change is written. Throws GatewayError (409) where it has secrets and nothing can be sealed. */
  function writing({ fields, kind, name }: Change, { documents, box }: Kept): () => Promise<Written> {
    const value = fields && entryDocument({ kind, name, fields }, box);
    // As it was checked: what comes from elsewhere while others are written is a conflict.
    const before = book.find(kind, name);
    return async () => {
      if (value === undefined) {
        await documents.remove(kind, name);
        return { kind, name, before, version: 0 };
      }
      // Not what the book has: that may be a later change of somebody else's by now.
      const { version } = await documents.put({ kind, id: name, value, expectedVersion: before.version });
      return { kind, name, before, version };
    };
  }

  /**
   * Looks once more at what others wrote while this was written. What came before it was not known when it was checked;
   * who came after it will look after it too, and give way.
   */
  async function checkAgain(sound: Checked): Promise<Checked> {
    await need().look();
    const last = Math.max(...sound.changes.map(({ kind, name }) => book.lastVersion(kind, name)));
    if (comeSince(sound).every(({ version }) => version > last)) return sound;
    try {
      return { ...preview([], sound.leftOut), changes: sound.changes };
    } catch (error) {
      throw error instanceof ConfigError ? refuseCollision(error) : error;
    }
  }

  return {
    live,
    loaded: () => pending?.loaded ?? live.loaded(),
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
        if (works === 0 && pending !== undefined) serve(pending);
      }
    },
    check(changes) {
      try {
        checked = preview(changes, live.leftOut());
        return checked.loaded;
      } catch (error) {
        if (error instanceof ConfigError) throw problemOf(error);
        throw error;
      }
    },
    async keep(changes, onWritten) {
      const own = need();
      const before = checked;
      let sound: Checked | undefined;
      // All are sealed before the first is written: what cannot be kept leaves nothing behind.
      const writings = changes.map((change) => writing(change, own));
      const written: Written[] = [];
      try {
        for (const write of writings) {
          written.push(await write());
          onWritten?.(written.length);
        }
        sound = before && (await checkAgain(before));
      } catch (error) {
        if (isConflict(error)) {
          await putBack(written, own.documents);
          onWritten?.(0);
        }
        throw error;
      } finally {
        // Where not all of them could be kept, it is not what was checked.
        if (works > 0 && sound !== undefined) pending = sound;
        else serve(sound);
      }
    },
    async tell(deed, by) {
      await kept?.trail.tell(deed, by);
    },
  };
}
