import { setupMinutes } from "../admin/identity/setup-link.ts";
import type { LoadedConfig } from "../config/load.ts";
import { redisAddress, usedRedisUrl } from "../config/redis-url.ts";
import type { RunningServer } from "../runtime/server.ts";
import { databaseName } from "../storage/engines.ts";
import { version } from "../version.ts";
import { palette } from "./output.ts";

const whoMayCall = {
  none: "nobody without a key, and no key is set: set ORCH_INBOUND_API_KEYS",
  loopback: "this machine without a key; others get 401 (OR_ANONYMOUS, ORCH_INBOUND_API_KEYS)",
  private: "anyone on private networks WITHOUT A KEY",
  all: "ANYONE WITHOUT A KEY, on your account",
} as const;

const mostModels = 8;

type Running = Pick<RunningServer, "url" | "metricsUrl" | "issuedKeys" | "keysWereIssued" | "keysAreKnown">;

function accessLine({ keys, server }: LoadedConfig["config"], running: Running): string {
  const set = keys.inbound.length;
  if (!running.keysAreKnown()) {
    const early = set === 0 ? "nobody" : `with a key of the configuration (${set} set); nobody else`;
    return `${early} until the keys in the database are known (503)`;
  }
  const issued = running.issuedKeys();
  const counts = set > 0 ? [`${set} set`] : [];
  if (issued > 0) counts.push(`${issued} issued here`);
  if (counts.length > 0) return `with a key (${counts.join(", ")}); nobody without`;
  if (running.keysWereIssued() && !keys.reopen)
    return "nobody until a key is issued: those that were are deleted or lost (keys.reopen)";
  return whoMayCall[server.anonymous];
}

function databaseLine(url: string, running: Running): string {
  const name = databaseName(url);
  return running.keysAreKnown() ? name : `not reachable yet; tried again until it is: ${name}`;
}

function upstreamLines({ config }: LoadedConfig): string[] {
  return Object.entries(config.providers)
    .filter(([, provider]) => provider.enabled)
    .map(([name, { baseUrl, credentials }]) => {
      if (baseUrl === "") return `${name} (built in, needs no key and no network)`;
      return `${name} ${baseUrl}${credentials.length > 1 ? `, ${credentials.length} keys` : ""}`;
    });
}

function modelLines({ config }: LoadedConfig): string[] {
  const lines = Object.entries(config.models).map(
    ([alias, { targets }]) =>
      `${alias} → ${targets.map(({ provider, model }) => `${provider}/${model}`).join(", then ")}`,
  );
  if (lines.length <= mostModels) return lines;
  return [...lines.slice(0, mostModels), `and ${lines.length - mostModels} more: orcestator models`];
}

/** A name on the first line only, as a list is read. */
function named(name: string, lines: readonly string[]): [string, string][] {
  return lines.map((line, index) => [index === 0 ? name : "", line]);
}

/** What is served where, by which upstream, and who may call. */
export function banner(loaded: LoadedConfig, running: Running): string {
  const { config } = loaded;
  const colors = palette();
  const rows: [string, string][] = [
    ["API", `${running.url}/v1`],
    ["Docs", `${running.url}/docs`],
    ["Metrics", running.metricsUrl ?? `${running.url}/metrics`],
    ["Listening", `${config.server.host}, port ${new URL(running.url).port}`],
    ...named("Upstream", upstreamLines(loaded)),
    ...named("Models", modelLines(loaded)),
    ["Access", accessLine(config, running)],
    ["Traffic log", config.logging.file === "" ? "off" : config.logging.file],
  ];
  if (config.storage.url !== undefined) rows.push(["Database", databaseLine(config.storage.url, running)]);
  const redisUrl = usedRedisUrl(config.redis);
  if (redisUrl !== undefined) rows.push(["Redis", redisAddress(redisUrl)]);
  if (loaded.file !== undefined) rows.push(["Config", loaded.file]);
  const lines = rows.map(([name, value]) => `  ${colors.dim(name.padEnd(12))} ${value}`);
  const demo = loaded.isDemo ? " (demo: answers come from the built-in dummy model)" : "";
  return `\n${colors.bold(`Orcestator ${version}`)}${demo}\n\n${lines.join("\n")}\n\n  Press Ctrl+C to stop.\n`;
}

/** How the first admin is made, where there is none. */
export function setupLines(url: string): string {
  return `  Admin: nobody can log in yet. Open this on this machine within ${setupMinutes} minutes, it works once:\n  ${url}\n`;
}
