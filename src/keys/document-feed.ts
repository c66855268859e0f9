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
  /** In the order of versions. What was written here comes back too. */
  onChange: (change: DocumentChange) => void;
  /** Once, when everything that was there has been seen. */
  onLoaded?: () => void;
  log: { info(message: string): void; warn(message: string): void };
  everyMs?: number;
  now?: () => number;
  /** Calls once, later; the function it returns calls it off. */
  after?: (milliseconds: number, ring: () => void) => () => void;
}

/** Removals are remembered for a day; the clocks of those who forget them may differ. */
const rememberedMs = 12 * 3_600_000;

/** A million documents come in a thousand pages: requests have their turn between them. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function createDocumentFeed(options: DocumentFeedOptions): DocumentFeed {
  const { documents, onChange, onLoaded, log, everyMs = 2000, now = Date.now, after = callLater } = options;
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
  /** Versions of the documents that there are, by `kind/id`. */
  const there = new Map<string, number>();
  let version = 0;
  let isLoaded = false;
  let goodAt: number | undefined;
  let problem: string | undefined;
  let looking: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let callOff: (() => void) | undefined;
  let isRunning = false;

  function take(change: DocumentChange): void {
    const path = `${change.kind}/${change.id}`;
    if ("value" in change) there.set(path, change.version);
    else there.delete(path);
    onChange(change);
  }

  /** From the beginning: of what is not there any more nobody says now that it was removed. */
  async function readAnew(): Promise<void> {
    const found = new Set<string>();
    version = 0;
    await readPages(({ kind, id }) => found.add(`${kind}/${id}`));
    for (const [path, last] of there) {
      if (found.has(path)) continue;
      const slash = path.indexOf("/");
      const [kind, id] = [path.slice(0, slash), path.slice(slash + 1)];
      take({ kind, id, version: last + 1, updatedAt: now(), isRemoved: true });
    }
  }

  async function readPages(onFound?: (change: DocumentChange) => void): Promise<void> {
    for (;;) {
      const page = await documents.changesSince(version);
      for (const change of page.changes) {
        take(change);
        onFound?.(change);
      }
      const isLast = page.version <= version || page.changes.length === 0;
      version = Math.max(version, page.version);
      if (isLast) return;
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
      await (goodAt !== undefined && now() - goodAt > rememberedMs ? readAnew() : readPages());
      succeeded();
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
