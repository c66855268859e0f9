import type { ResolvedConfig } from "../config/resolve.ts";
import type { GatewayError } from "../errors.ts";
import type { App } from "../http/app.ts";
import type { Cors } from "../http/cors.ts";
import { createGeneration, type Generation } from "./generation.ts";
import { createLasting, type Lasting, type LastingOptions } from "./lasting.ts";

/** The whole gateway without its door: what lasts, and the generations of configurations. */
export interface House {
  readonly lasting: Lasting;
  /** Of whichever generation serves when a request comes. */
  readonly app: Pick<App, "fetch" | "refuse" | "fail">;
  readonly cors: Cors;
  /** The configuration that is served. */
  config(): ResolvedConfig;
  /** The first generation begins to serve. */
  start(): void;
  /** Another configuration is served from now on. Throws where it cannot be made, and then nothing has changed. */
  swap(config: ResolvedConfig): void;
  /** Generations that still have requests or may get some, the one that serves among them. */
  generations(): number;
  /** Requests that have not ended, of all generations. */
  active(): number;
  /** Ends all running requests with `reason`. */
  stop(reason: GatewayError): void;
}

interface Retired {
  readonly generation: Generation;
  /** Until then a body that was on its way may still turn into a request. */
  readonly bodiesUntil: number;
}

const pruneMs = 1000;

export interface HouseOptions extends LastingOptions {
  now?: () => number;
}

/** Wires the house by hand: everything that a server needs, nothing started yet. */
export function compose({ now = () => performance.now(), ...options }: HouseOptions): House {
  const lasting = createLasting(options);
  let current = createGeneration(options.config, lasting);
  let older: Retired[] = [];
  let timer: Timer | undefined;
  lasting.follow(current);

  function prune(): void {
    const time = now();
    older = older.filter(({ generation, bodiesUntil }) => generation.gateway.active() > 0 || time < bodiesUntil);
    timer = older.length === 0 ? undefined : setTimeout(prune, pruneMs);
    timer?.unref();
  }

  const all = (): readonly Generation[] => [current, ...older.map(({ generation }) => generation)];

  return {
    lasting,
    app: {
      fetch: (request) => current.app.fetch(request),
      refuse: (refused) => current.app.refuse(refused),
      fail: (error) => current.app.fail(error),
    },
    cors: {
      get isOff() {
        return current.cors.isOff;
      },
      preflight: (request) => current.cors.preflight(request),
      mark: (request, response) => current.cors.mark(request, response),
    },
    config: () => current.config,
    start: () => current.start(),
    swap(config) {
      const next = createGeneration(config, lasting);
      const previous = current;
      current = next;
      lasting.follow(next);
      next.start();
      previous.retire();
      older.push({ generation: previous, bodiesUntil: now() + previous.config.server.bodyTimeout });
      clearTimeout(timer);
      prune();
    },
    generations: () => older.length + 1,
    active: () => all().reduce((sum, { gateway }) => sum + gateway.active(), 0),
    stop: (reason) => all().forEach(({ gateway }) => gateway.stop(reason)),
  };
}
