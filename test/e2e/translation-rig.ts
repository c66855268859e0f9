import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { ProtocolName } from "../../src/config/protocol-names.ts";
import { until } from "../support/e2e.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { parseMetrics, type MetricSample } from "../support/metrics.ts";
import { scenarios } from "../support/replay-scenarios.ts";
import { createReplayingUpstream, type ReplayingUpstream } from "../support/replaying-upstream.ts";

export type UpstreamId = "chat" | "responses" | "claude" | "gemini" | "ollama";

/** The protocol that each provider of the rig speaks. */
export const spoken: Readonly<Record<UpstreamId, ProtocolName>> = {
  chat: "openai-chat",
  responses: "openai-responses",
  claude: "anthropic-messages",
  gemini: "gemini-generate",
  ollama: "ollama-chat",
};

export const upstreamIds = Object.keys(spoken) as readonly UpstreamId[];

/** What the gateway presents upstream; no client may ever see it. */
export const credential = "sk-upstream-secret-0001";

type Settings = Readonly<Record<string, unknown>>;

/** Settings of the five providers before a server that speaks everything. */
export function providersAt(origin: string, changes: Settings = {}): Record<UpstreamId, Settings> {
  const all = { credentials: [credential], retries: 0, listModels: false, ...changes };
  return {
    chat: { type: "openai-compatible", baseUrl: `${origin}/openai/v1`, ...all },
    responses: {
      type: "openai-compatible",
      protocols: ["openai-responses"],
      baseUrl: `${origin}/openai/v1`,
      ...all,
    },
    claude: { type: "anthropic", baseUrl: origin, ...all },
    gemini: { type: "gemini", baseUrl: origin, ...all },
    ollama: { type: "ollama", baseUrl: origin, protocols: ["ollama-chat"], ...all },
  };
}

interface Alias {
  targets: { provider: string; model: string }[];
}

/** `{provider}-{name}` for each provider and each name that its upstream knows. */
function aliasesOf(names: readonly string[], providers: readonly string[] = upstreamIds): Record<string, Alias> {
  const entries = providers.flatMap((provider) =>
    names.map((name): [string, Alias] => [`${provider}-${name}`, { targets: [{ provider, model: name }] }]),
  );
  return Object.fromEntries(entries);
}

export interface TranslationRigOptions {
  /** Further sections of the configuration; `providers` and `models` come beside the rig's own. */
  config?: Settings & { providers?: Settings; models?: Settings };
  /** Further providers before the same upstream. */
  providersOf?: (origin: string) => Settings;
  /** Further names of upstream models. */
  names?: readonly string[];
  env?: Readonly<Record<string, string | undefined>>;
}

export interface TranslationRig extends AsyncDisposable {
  readonly upstream: ReplayingUpstream;
  readonly gateway: Gateway;
}

/** One gateway before one upstream that speaks all protocols, as five providers. Records go to SQLite. */
export async function startTranslationRig(options: TranslationRigOptions = {}): Promise<TranslationRig> {
  const upstream = await createReplayingUpstream({ credential });
  const { config = {}, names = [], env, providersOf } = options;
  const configText = JSON.stringify({
    logging: { file: "" },
    storage: { url: "sqlite://audit.db" },
    ...config,
    providers: { ...providersAt(upstream.origin), ...config.providers, ...providersOf?.(upstream.origin) },
    models: { ...aliasesOf([...Object.keys(scenarios), ...names]), ...config.models },
  });
  const gateway = await startGateway({ configText, env: { OR_API_KEY: undefined, ...env } }).catch(
    async (error: unknown) => {
      await upstream.close();
      throw error;
    },
  );
  return {
    upstream,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream.close();
    },
  };
}

/** A row of the audit database. */
export type AuditRow = Readonly<Record<string, string | number | null>>;

function rowsOf({ cwd }: Pick<Gateway, "cwd">): AuditRow[] {
  const database = new Database(join(cwd, "audit.db"), { readonly: true });
  const rows = database.query<AuditRow, []>("SELECT * FROM requests ORDER BY started_at, id").all();
  database.close();
  return rows;
}

/** The records of requests by their ids, once all are written; that takes a moment, so many are best asked for at once. */
export async function recordsOf(
  gateway: Pick<Gateway, "cwd">,
  requestIds: readonly string[],
): Promise<ReadonlyMap<string, AuditRow>> {
  let rows = new Map<string, AuditRow>();
  await until(
    () => {
      rows = new Map(rowsOf(gateway).map((row) => [String(row["id"]), row]));
      return requestIds.every((id) => rows.has(id));
    },
    `records of ${requestIds.filter((id) => !rows.has(id)).join()}`,
  );
  return rows;
}

/** Records of all requests for a model, the oldest first, once there are so many. */
export async function recordsFor(
  gateway: Pick<Gateway, "cwd">,
  model: string,
  count = 1,
): Promise<readonly AuditRow[]> {
  let rows: readonly AuditRow[] = [];
  await until(() => {
    rows = rowsOf(gateway).filter((row) => row["model_asked"] === model);
    return rows.length >= count;
  }, `${count} records for ${model}`);
  return rows;
}

/** All metrics now. */
export async function samplesOf({ origin }: Pick<Gateway, "origin">): Promise<MetricSample[]> {
  return parseMetrics(await (await fetch(`${origin}/metrics`)).text());
}
