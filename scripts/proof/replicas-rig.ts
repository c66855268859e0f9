import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Gateway, startGateway } from "../../test/support/gateway.ts";
import { type RedisServer, startRedisServer } from "../../test/support/redis-server.ts";
import { type MeteredUpstream, startMeteredUpstream } from "./metered-upstream.ts";

export const adminToken = "proof-admin-token";
/** Models with a limit of their own, one for each round. */
export const roundLimit = 1000;
/** US dollars for a token of the answer. */
export const tokenUsd = 0.0025;

/** Three gateways that stand for one, on one Redis and one database. */
export interface Replicas {
  readonly gateways: readonly Gateway[];
  readonly redis: RedisServer;
  readonly upstream: MeteredUpstream;
  stop(): Promise<void>;
}

function configOf(rounds: number, upstreamUrl: string): string {
  const dummy = [{ provider: "dummy", model: "m" }];
  const roundModels = Array.from({ length: rounds }, (_, round) => [
    `round-${round}`,
    { rpm: roundLimit, targets: dummy },
  ]);
  const outageModels = ["freeze", "kill", "stop"].map((name) => [
    name,
    { rpm: 1_000_000, concurrency: 3000, targets: dummy },
  ]);
  const metered = { targets: [{ provider: "metered", model: "paid" }] };
  return JSON.stringify({
    logging: { file: "", level: "warn" },
    health: { probes: false },
    providers: {
      dummy: { type: "dummy" },
      metered: { type: "openai-compatible", baseUrl: upstreamUrl, credentials: ["sk-proof"], listModels: false },
    },
    models: { ...Object.fromEntries([...roundModels, ...outageModels]), paid: metered },
    prices: { models: { "metered/paid": { input: 0, output: tokenUsd * 1e6 } } },
  });
}

export async function startReplicas(rounds: number): Promise<Replicas> {
  const redis = await startRedisServer();
  if (redis === undefined) throw new Error("This needs redis-server (apt-get install redis-server)");
  const folder = await mkdtemp(join(tmpdir(), "orcestator-replicas-"));
  const upstream = startMeteredUpstream();
  const env = {
    OR_API_KEY: undefined,
    REDIS_URL: redis.url,
    OR_DB_PATH: join(folder, "shared.db"),
    AUTH_TOKEN: adminToken,
  };
  const configText = configOf(rounds, upstream.url);
  const gateways: Gateway[] = [];
  // One after another: the first makes the database.
  for (let replica = 0; replica < 3; replica += 1) gateways.push(await startGateway({ configText, env }));
  return {
    gateways,
    redis,
    upstream,
    async stop() {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      await upstream.stop();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Sum of a metric over all gateways; labels as Prometheus writes them. */
export async function metricOf({ gateways }: Replicas, name: string): Promise<number> {
  // Once there are keys nobody is served without one.
  const headers = { authorization: `Bearer ${adminToken}` };
  const texts = await Promise.all(
    gateways.map(async ({ origin }) => (await fetch(`${origin}/metrics`, { headers })).text()),
  );
  return texts.reduce((sum, text) => {
    const line = text.split("\n").find((one) => one.startsWith(`${name} `));
    return sum + Number(line?.slice(name.length + 1) ?? 0);
  }, 0);
}
