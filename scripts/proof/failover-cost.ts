// `bun scripts/proof/failover-cost.ts [--rounds 500] [--binary PATH]`: what it costs when the first target refuses connections.
import assert from "node:assert/strict";
import { startGateway } from "../../test/support/gateway.ts";
import { prove, type Checks } from "./checks.ts";
import { startCountingUpstream } from "./counting-upstream.ts";
import { median, quantile } from "./figures.ts";
import { createLoadClient, postRequest, type LoadClient } from "./load-client.ts";
import { numberOptions } from "./options.ts";

const options = numberOptions({ rounds: 500 });
const mostMs = 5;

const provider = (baseUrl: string) => ({
  type: "openai-compatible",
  baseUrl,
  credentials: ["sk-proof-0123456789"],
  listModels: false,
});

interface Measured {
  times: Record<Model, number[]>;
  statuses: Set<number>;
  /** Requests upstream for one of a client's, on average, where the first target refuses. */
  attempts: number;
}
const models = ["direct", "second"] as const;
type Model = (typeof models)[number];

const warmUp = 50;

/** Both models in turn; each request has a name of its own where nothing may be learnt of the first target. */
async function load(client: LoadClient, isLearning: boolean): Promise<Measured> {
  const measured: Measured = { times: { direct: [], second: [] }, statuses: new Set(), attempts: 0 };
  let attempts = 0;
  for (let round = 0; round < options.rounds + warmUp; round += 1) {
    // Each as often first as second, so that a slow spell hits both alike.
    for (const offset of [0, 1]) {
      const model = models[(round + offset) % 2] ?? "direct";
      const name = `${model}-${isLearning ? "one" : round}`;
      const body = { model: name, messages: [{ role: "user", content: "Hi" }] };
      const result = await client.send(postRequest("/v1/chat/completions", body));
      measured.statuses.add(result.status);
      if (round < warmUp) continue;
      measured.times[model].push(result.ms);
      if (model === "second") attempts += result.attempts;
    }
  }
  return { ...measured, attempts: attempts / options.rounds };
}

async function measure(checks: Checks, name: string, isLearning: boolean): Promise<void> {
  const upstream = startCountingUpstream();
  const good = { provider: "good", model: "good-*" };
  const configText = JSON.stringify({
    logging: { file: "", level: "error" },
    health: { probes: false },
    // Nobody listens on port 1.
    providers: { dead: provider("http://127.0.0.1:1/v1"), good: provider(upstream.url) },
    models: { "direct-*": { targets: [good] }, "second-*": { targets: [{ provider: "dead", model: "dead-*" }, good] } },
  });
  const gateway = await startGateway({ configText, env: { OR_API_KEY: undefined } });
  const client = createLoadClient(gateway.port);
  try {
    const { times, statuses, attempts } = await load(client, isLearning);
    const added = median(times.second) - median(times.direct);
    console.log(`${name}: ${attempts.toFixed(2)} requests upstream for each`);
    for (const model of models) {
      const [half, most] = [median(times[model]), quantile(times[model], 0.99)];
      console.log(`        ${model}: median ${half.toFixed(3)} ms, 99 % ${most.toFixed(3)} ms`);
    }
    await checks.check(
      `a first target that refuses adds ${added.toFixed(3)} ms at the median (at most ${mostMs})`,
      () => {
        assert.deepEqual([...statuses], [200]);
        if (!isLearning) assert.equal(attempts, 2);
        assert(added <= mostMs);
      },
    );
  } finally {
    client.close();
    await gateway.stop();
    await upstream.stop();
  }
}

async function proveCost(checks: Checks): Promise<void> {
  await measure(checks, "The refusal is met each time", false);
  await measure(checks, "The circuit may open", true);
}

process.exit(await prove(proveCost));
