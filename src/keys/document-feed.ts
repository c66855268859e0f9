import { callLater } from "../lib/call-later.ts";
import { errorText } from "../lib/error-text.ts";
import type { DocumentChange, DocumentStore } from "../storage/document-store.ts";

export interface FeedState {
  /** Everything that was there has been seen once. */
  readonly isLoaded: boolean;
  /** Epoch milliseconds of the last look that succeeded. */
  readonly goodAt: number | undefined;
  /** Why the last look failed; `undefined` = it did not. */
  readonly problem: string | undefined;
}

/** Follows the changes that others make to documents. */
export interface DocumentFeed {
  /** Looks at once, and then again and again. */
  start(): void;
  /** Looks once from now on: what was written before is seen. Never rejects. */
  look(): Promise<void>;
  /** Settles when everything that was there has been seen once, or the feed was stopped. */
  readonly ready: Promise<void>;
  state(): FeedState;
  stop(): void;
}

export interface DocumentFeedOptions {
  documents: Pick<DocumentStore, "changesSince">;
  /** In the order of versions, but see `first`. What was written here comes back too. */
  onChange: (change: DocumentChange) => void;
  /** Once, when everything that was there has been seen. */
  onLoaded?: () => void;
  /** Kinds that others belong to: of a database that was set back they are told before all others. */
  first?: readonly string[];
  log: { info(message: string): void; warn(message: string): void };
  everyMs?: number;
  now?: () => number;
  /** Calls once, later; the function it returns calls it off. */
  after?: (milliseconds: number, ring: () => void) => () => void;
}

interface Known {
  readonly version: number;
  readonly updatedAt: number;
}

function pathOf({ kind, id }: DocumentChange): string {
  return `${kind}/${id}`;
}

/** Removals are remembered for a day; the clocks of those who forget them may differ. */
const rememberedMs = 12 * 3_600_000;

/** A million documents come in a thousand pages: requests have their turn between them. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function createDocumentFeed(options: DocumentFeedOptions): DocumentFeed {
  const { documents, onChange, onLoaded, first = [], log, everyMs = 2000, now = Date.now, after = callLater } = options;
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
  /** The documents that there are, by `kind/id`. */
  const there = new Map<string, Known>();
  let version = 0;
  let isSetBack = false;
  let isLoaded = false;
  let goodAt: number | undefined;
  let problem: string | undefined;
  let looking: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let callOff: (() => void) | undefined;
  let isRunning = false;

  function take(change: DocumentChange): void {
    const path = pathOf(change);
    if ("value" in change) there.set(path, { version: change.version, updatedAt: change.updatedAt });
    else there.delete(path);
    onChange(change);
  }

  /** What nobody says of now that it was removed, because it was so too long ago, or in a time that was taken back. */
  function takeRemovals(found: ReadonlySet<string>, isRewound: boolean): void {
    for (const [path, last] of there) {
      if (found.has(path)) continue;
      const slash = path.indexOf("/");
      const head = { kind: path.slice(0, slash), id: path.slice(slash + 1), updatedAt: now() };
      // Whatever it gets as its next version there is news.
      if (isRewound) take({ ...head, version: 0, isRemoved: true, isRewound });
      else take({ ...head, version: last.version + 1, isRemoved: true });
    }
  }

  /** From the beginning. */
  async function readAnew(): Promise<void> {
    const found = new Set<string>();
    version = 0;
    const isWhole = await readPages((change) => {
      found.add(pathOf(change));
      take(change);
    });
    if (isWhole) return takeRemovals(found, false);
    // It was set back meanwhile: what was not read may still be there.
    isSetBack = true;
    await readNews();
  }

  /**
   * From the beginning, of a database that was set back to an earlier state. One that has nothing of what it had is another
   * one, as where an empty one was put in its place: it tells nothing of keys that were issued. Whether it was read to its end,
   * and not set back once more meanwhile.
   */
  async function readRewound(): Promise<boolean> {
    const found = new Set<string>();
    let isSame = false;
    version = 0;
    const isWhole = await readPages((change) => {
      const known = there.get(pathOf(change));
      isSame ||= known !== undefined && change.updatedAt <= known.updatedAt;
      if (first.includes(change.kind)) take({ ...change, isRewound: true });
    });
    if (!isWhole) return false;
    version = 0;
    const isWholeAgain = await readPages((change) => {
      const path = pathOf(change);
      found.add(path);
      const isTold = first.includes(change.kind) && there.get(path)?.version === change.version;
      if (!isTold) take({ ...change, isRewound: true });
    });
    if (!isWholeAgain) return false;
    if (isSame) takeRemovals(found, true);
    const rest = isSame ? "What it has now is in force." : "It has nothing of what was known, which stays in force.";
    log.warn(`The database of keys and teams was set back. ${rest}`);
    return true;
  }

  /** What has changed; all, where the database was set back. */
  async function readNews(): Promise<void> {
    if (!isSetBack && (await readPages(take))) return;
    // Until it is read to its end, also where that takes several looks.
    isSetBack = true;
    isSetBack = !(await readRewound());
  }

  /** Whether removals may be forgotten that were not seen. */
  async function mustReadAnew(): Promise<boolean> {
    if (isSetBack || goodAt === undefined || now() - goodAt <= rememberedMs) return false;
    return (await documents.changesSince(version)).newest >= version;
  }

  /** Whether the database is one that goes on from what was seen. */
  async function readPages(onFound: (change: DocumentChange) => void): Promise<boolean> {
    for (;;) {
      const page = await documents.changesSince(version);
      if (page.newest < version) return false;
      for (const change of page.changes) onFound(change);
      const isLast = page.version <= version || page.changes.length === 0;
      version = Math.max(version, page.version);
      if (isLast) return true;
      await turn();
    }
  }

  function succeeded(): void {
    goodAt = now();
    if (problem !== undefined) log.info("Changes of keys and teams are seen again.");
    problem = undefined;
    if (isLoaded) return;
    isLoaded = true;
    onLoaded?.();
    isReady();
  }

  function failed(error: unknown): void {
    const text = errorText(error);
    const rest = isLoaded ? "What is known stays in force." : "Nobody can be told apart until they are.";
    if (problem === undefined) log.warn(`Changes of keys and teams cannot be read: ${text} ${rest}`);
    problem = text;
  }

  async function lookOnce(): Promise<void> {
    try {
      await ((await mustReadAnew()) ? readAnew() : readNews());
      if (!isSetBack) succeeded();
    } catch (error) {
      failed(error);
    }
  }

  function look(): Promise<void> {
    if (looking === undefined) {
      looking = lookOnce().finally(() => (looking = undefined));
      return looking;
    }
    // The one under way may have asked before that was written which is looked for.
    next ??= looking.then(() => {
      next = undefined;
      return look();
    });
    return next;
  }

  async function go(): Promise<void> {
    await look();
    if (isRunning) callOff = after(everyMs, () => void go());
  }

  return {
    ready,
    look,
    state: () => ({ isLoaded, goodAt, problem }),
    start() {
      if (isRunning) return;
      isRunning = true;
      void go();
    },
    stop() {
      isRunning = false;
      callOff?.();
      isReady();
    },
  };
}
