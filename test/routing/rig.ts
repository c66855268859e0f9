import type { Price } from "../../src/prices/price.ts";
import { priceBookOf } from "../support/price-book.ts";
import type { ResolvedConfig } from "../../src/config/resolve.ts";
import { GatewayError, type ErrorCode } from "../../src/errors.ts";
import type { ProtocolId } from "../../src/protocols/protocol.ts";
import type { ModelFacts } from "../../src/providers/provider.ts";
import type { Credential } from "../../src/routing/credential.ts";
import type { HealthRegistry } from "../../src/routing/health/health.ts";
import { createHealthRegistry } from "../../src/routing/health/registry.ts";
import { createRequestFacts } from "../../src/routing/request-facts.ts";
import type { RequestFacts, RouteTable, Stage, Steering } from "../../src/routing/route.ts";
import { createRouteTable } from "../../src/routing/route-table.ts";
import type { Target } from "../../src/routing/target.ts";
import { latin1OfUtf8 } from "../../src/lib/latin1.ts";
import { configured, openaiCompatibleAt } from "./configured.ts";

export interface Rig {
  readonly config: ResolvedConfig;
  readonly health: HealthRegistry;
  readonly table: RouteTable;
  /** Epoch milliseconds, for everything. */
  now: number;
  /** What the upstreams list: provider → model → facts. */
  listed: Record<string, Record<string, Partial<ModelFacts>>>;
  findFacts: (upstream: { name: string }, model: string) => ModelFacts | undefined;
  priceOf: (target: Target) => Price | undefined;
  stage: (alias: string) => Stage;
}

function modelFacts(id: string, fields: Partial<ModelFacts>): ModelFacts {
  const nothing = { created: undefined, contextLength: undefined, maxOutputTokens: undefined };
  return { id, ...nothing, capabilities: undefined, pricing: undefined, ...fields };
}

/** A route table over a health registry, with a clock that stands still. */
export function createRig(parts: Record<string, unknown>): Rig {
  const config = configured(parts);
  const health = createHealthRegistry({ settings: config, now: () => rig.now, random: () => 0 });
  const findFacts: Rig["findFacts"] = ({ name }, model) => {
    const facts = rig.listed[name]?.[model];
    return facts === undefined ? undefined : modelFacts(model, facts);
  };
  const prices = priceBookOf(config, ({ upstream, model }) => findFacts(upstream, model)?.pricing);
  const rig: Rig = {
    config,
    health,
    table: createRouteTable({ config, health, catalog: { find: findFacts } }),
    now: 1_000_000,
    listed: {},
    findFacts,
    priceOf: (target) => prices.priceOf(target),
    stage(alias) {
      const stage = rig.table.aliases.get(alias);
      if (stage === undefined) throw new Error(`no alias ${alias}`);
      return stage;
    },
  };
  return rig;
}

export interface FactsOptions {
  body?: unknown;
  /** Instead of a body. */
  text?: string;
  headers?: Record<string, string>;
  keyId?: string;
  stream?: boolean;
  protocol?: ProtocolId | undefined;
  steering?: Partial<Steering>;
}

export function facts(options: FactsOptions = {}): RequestFacts {
  const { body = {}, headers = {}, keyId = "key-1", stream = false, steering } = options;
  return createRequestFacts({
    text: options.text ?? latin1OfUtf8(JSON.stringify(body)),
    headers: new Headers(headers),
    keyId,
    stream,
    protocol: "protocol" in options ? options.protocol : "openai-chat",
    steering: steering && {
      providers: [],
      strategy: undefined,
      timeoutMs: undefined,
      retries: undefined,
      priority: 0,
      ...steering,
    },
  });
}

/** Providers a, b, c … at hosts of their own, and a model `m` with a target at each. */
export function rigOf(targets: readonly Record<string, unknown>[], model: Record<string, unknown> = {}): Rig {
  const names = targets.map((_target, index) => String.fromCharCode(97 + index));
  const providers = names.map((name, index) => {
    const { provider = {} } = targets[index] ?? {};
    return [name, openaiCompatibleAt(`http://${name}.test/v1`, provider as object)] as const;
  });
  const written = targets.map(({ provider: _provider, ...target }, index) => {
    return { provider: names[index], model: `${names[index]}1`, ...target };
  });
  return createRig({ providers: Object.fromEntries(providers), models: { m: { targets: written, ...model } } });
}

export function namesOf(targets: readonly Target[]): string {
  return targets.map(({ upstream }) => upstream.name).join(" ");
}

function errorOf(code: ErrorCode, fields: { status?: number; retryAfterSeconds?: number } = {}): GatewayError {
  return new GatewayError({ code, status: 500, message: code, ...fields });
}

/** Opens the circuit of a target. */
export function breakTarget({ health }: Target): void {
  for (let count = 0; count < 5; count += 1) health.begin().end(errorOf("upstream_error"));
}

export function doubt({ health }: Target): void {
  for (let count = 0; count < 2; count += 1) health.begin().end(errorOf("upstream_error"));
}

export function refuse(credential: Credential, model: string): void {
  credential.begin(model).end(errorOf("upstream_rejected_credential", { status: 401 }));
}

export function cool(credential: Credential, model: string, retryAfterSeconds: number): void {
  credential.begin(model).end(errorOf("rate_limit_exceeded", { status: 429, retryAfterSeconds }));
}

export function targetAt(stage: Stage, provider: string): Target {
  const target = stage.targets.find(({ upstream }) => upstream.name === provider);
  if (target === undefined) throw new Error(`no target at ${provider}`);
  return target;
}
