import { callLater } from "../lib/call-later.ts";
import { errorText } from "../lib/error-text.ts";
import type { PriceTable } from "./price-table.ts";
import { readTable } from "./read-table.ts";
import { knownTableNames } from "./table-provider.ts";

/** How the fetching of a newer price table goes. */
export interface RefreshState {
  readonly url: string;
  /** Epoch milliseconds of the last time that a table came and was sound; `undefined` = none did. */
  readonly goodAt: number | undefined;
  /** Why the last attempt brought none; `undefined` = it did, or there was none yet. */
  readonly problem: string | undefined;
}

/** Fetches a newer price table now and then. What is in use stays until another one has come and is sound. */
export interface PriceRefresh {
  /** From now on from this URL, and at once; `off` = no further one. */
  follow(url: string): void;
  /** `undefined` while it is off. */
  state(): RefreshState | undefined;
  /** Fetches now. Never rejects. */
  refresh(): Promise<void>;
  stop(): void;
}

export interface PriceRefreshOptions {
  table: PriceTable;
  /** The file behind a URL; rejects when it cannot be had. */
  fetchText: (url: string) => Promise<string>;
  /** Something the owner should know. */
  log: { info(message: string): void; warn(message: string): void };
  now?: () => number;
  /** Calls once, later; the function it returns calls it off. */
  after?: (milliseconds: number, ring: () => void) => () => void;
}

const everyMs = 24 * 60 * 60 * 1000;
const againMs = 60 * 60 * 1000;

export function createPriceRefresh(options: PriceRefreshOptions): PriceRefresh {
  const { table, fetchText, log, now = Date.now, after = callLater } = options;
  let current: RefreshState | undefined;
  let callOff: (() => void) | undefined;

  async function fetchTable(url: string): Promise<void> {
    const content = await fetchText(url);
    const before = knownTableNames.flatMap((name) => table.provider(name) ?? []);
    const providers = await readTable(content, before);
    if (current?.url !== url) return;
    const time = now();
    table.replace(providers, { source: url, asOf: new Date(time).toISOString().slice(0, 10) });
    if (current.problem !== undefined) log.info(`Prices come from ${url} again.`);
    current = { url, goodAt: time, problem: undefined };
  }

  function fail(url: string, error: unknown): void {
    if (current?.url !== url) return;
    const problem = errorText(error);
    if (problem !== current.problem)
      log.warn(`The price table of ${url} is not used: ${problem}. Those of ${table.origin().asOf} stay in force.`);
    current = { ...current, problem };
  }

  async function attempt(url: string): Promise<void> {
    callOff?.();
    try {
      await fetchTable(url);
    } catch (error) {
      fail(url, error);
    }
    if (current?.url !== url) return;
    callOff?.();
    callOff = after(current.problem === undefined ? everyMs : againMs, () => void attempt(url));
  }

  function stop(): void {
    callOff?.();
    current = undefined;
  }

  return {
    state: () => current,
    stop,
    async refresh() {
      if (current !== undefined) await attempt(current.url);
    },
    follow(url) {
      if (url === (current?.url ?? "off")) return;
      stop();
      if (url === "off") return;
      current = { url, goodAt: undefined, problem: undefined };
      void attempt(url);
    },
  };
}
