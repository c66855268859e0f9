// `bun scripts/proof/weighted-split.ts [--requests 10000] [--binary PATH]`: 3:1:1 through a running gateway.
import assert from "node:assert/strict";
import { startGateway } from "../../test/support/gateway.ts";
import { inParallel } from "../../test/support/e2e.ts";
import { prove, type Checks } from "./checks.ts";
import { startCountingUpstream } from "./counting-upstream.ts";
import { tally } from "./figures.ts";
import { createLoadClient, postRequest } from "./load-client.ts";
import { numberOptions } from "./options.ts";

const options = numberOptions({ requests: 10_000 });
const weights = { heavy: 3, light: 1, other: 1, never: 0 } as const;
/** Beyond this chance has one try in a thousand: chi-square with two degrees of freedom. */
const bound = 13.82;

async function proveSplit(checks: Checks): Promise<void> {
  const upstream = startCountingUpstream();
  const targets = Object.entries(weights).map(([model, weight]) => ({ provider: "upstream", model, weight }));
  const configText = JSON.stringify({
    logging: { file: "", level: "error" },
    health: { probes: false },
    providers: { upstream: { type: "openai-compatible", baseUrl: upstream.url, credentials: ["sk-proof-0123456789"] } },
    models: { split: { strategy: "weighted", targets } },
  });
  const gateway = await startGateway({ configText, env: { OR_API_KEY: undefined } });
  const client = createLoadClient(gateway.port);
  try {
    const request = postRequest("/v1/chat/completions", {
      model: "split",
      messages: [{ role: "user", content: "Hi" }],
    });
    const statuses: string[] = [];
    await inParallel(options.requests, 32, async () => void statuses.push(String((await client.send(request)).status)));
    await checks.check("every request is answered", () => {
      assert.deepEqual([...tally(statuses)], [["200", options.requests]]);
    });
    await checks.check(`${options.requests} requests are split 3:1:1`, () => {
      const share = options.requests / 5;
      const terms = Object.entries(weights)
        .filter(([, weight]) => weight > 0)
        .map(([model, weight]) => {
          console.log(`        ${model}: ${upstream.requests(model)}, expected about ${share * weight}`);
          return (upstream.requests(model) - share * weight) ** 2 / (share * weight);
        });
      const chiSquare = terms.reduce((sum, term) => sum + term, 0);
      console.log(`        chi-square ${chiSquare.toFixed(2)}, bound ${bound}`);
      assert(chiSquare < bound);
    });
    await checks.check("a target of weight 0 is not asked while others work", () => {
      assert.equal(upstream.requests("never"), 0);
    });
  } finally {
    client.close();
    await gateway.stop();
    await upstream.stop();
  }
}

process.exit(await prove(proveSplit));
