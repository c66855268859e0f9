import type { ModelFacts, ModelPage } from "../providers/provider.ts";
import { alarms } from "../lib/alarms.ts";
import { createStopSignal, type StopSignal } from "../lib/stop-signal.ts";
import { destinationOf } from "../transport/destination.ts";
import { readAll } from "../transport/reply.ts";
import { sendUpstream } from "../transport/send.ts";
import type { Upstream } from "./upstream.ts";

const refreshMs = 60 * 60 * 1000;
const retryMs = 60 * 1000;
const timeoutMs = 20_000;
const mostPages = 50;
const largestPage = 16 * 1024 * 1024;

export interface Catalog {
  /** What the upstreams listed when they were last asked; empty until then. Starts a refresh when it is time, never waits for one. */
  models(): readonly { upstream: Upstream; facts: ModelFacts }[];
  find(upstream: Pick<Upstream, "name">, model: string): ModelFacts | undefined;
  /** Asks all upstreams that list models now. */
  refresh(): Promise<void>;
}

interface CatalogOptions {
  upstreams: readonly Upstream[];
  onProblem?: (upstream: string, error: unknown) => void;
  now?: () => number;
}

async function readJson(upstream: Upstream, url: URL, stop: StopSignal): Promise<unknown> {
  const headers: Record<string, string> = { accept: "application/json", ...upstream.config.headers };
  upstream.provider.authorize(headers, upstream.config.credentials[0]?.key);
  const { timeouts, proxy } = upstream.config;
  const destination = destinationOf(url);
  const reply = await sendUpstream({
    destination,
    method: "GET",
    headers,
    stop,
    connectMs: timeouts.connect,
    proxy,
    ca: upstream.ca,
  });
  if (reply.status === 200) return JSON.parse(Buffer.from(await readAll(reply, largestPage)).toString("utf8"));
  reply.cancel();
  throw new Error(`${url.host}${url.pathname} answered ${reply.status}`);
}

async function readPage(upstream: Upstream, url: URL): Promise<ModelPage> {
  const stop = createStopSignal();
  const callOff = alarms.set(timeoutMs, () => stop.stop(new Error(`no answer within ${timeoutMs} ms`)));
  try {
    const page = upstream.provider.models?.read(await readJson(upstream, url, stop), url);
    if (page === undefined) throw new Error(`${url.host}${url.pathname} answered with no list of models`);
    return page;
  } finally {
    callOff();
  }
}

async function readPages(upstream: Upstream): Promise<Map<string, ModelFacts>> {
  const facts = new Map<string, ModelFacts>();
  let url = upstream.provider.models?.url(upstream.config.baseUrl);
  for (let page = 0; url !== undefined && page < mostPages; page += 1) {
    const { models, next } = await readPage(upstream, url);
    for (const model of models) facts.set(model.id, model);
    url = next;
  }
  return facts;
}

/** What the upstreams offer, kept in memory and refreshed behind the back of whoever asks. The last good list stays. */
export function createCatalog({ upstreams, onProblem, now = Date.now }: CatalogOptions): Catalog {
  const listing = upstreams.filter((upstream) => upstream.config.listModels && upstream.provider.models !== undefined);
  const lists = new Map<string, Map<string, ModelFacts>>();
  let nextRefresh = 0;

  async function refreshOne(upstream: Upstream): Promise<boolean> {
    try {
      lists.set(upstream.name, await readPages(upstream));
      return true;
    } catch (error) {
      onProblem?.(upstream.name, error);
      return false;
    }
  }

  async function refresh(): Promise<void> {
    nextRefresh = now() + refreshMs;
    const results = await Promise.all(listing.map(refreshOne));
    if (results.includes(false)) nextRefresh = now() + retryMs;
  }

  function refreshWhenDue(): void {
    if (now() >= nextRefresh) void refresh();
  }

  return {
    refresh,
    find(upstream, model) {
      refreshWhenDue();
      return lists.get(upstream.name)?.get(model);
    },
    models() {
      refreshWhenDue();
      return listing.flatMap((upstream) =>
        [...(lists.get(upstream.name)?.values() ?? [])].map((facts) => ({ upstream, facts })),
      );
    },
  };
}
