// `bun scripts/proof/replicas.ts [--rounds 20] [--requests 30000] [--width 240] [--binary PATH]`: three gateways, one Redis.
// A limit holds exactly over all of them, a budget is not overspent, and a Redis that goes away stops nobody.
import { prove } from "./checks.ts";
import { numberOptions } from "./options.ts";
import { proveBudget } from "./replicas-budget.ts";
import { proveLimits } from "./replicas-limits.ts";
import { proveOutages } from "./replicas-outages.ts";
import { startReplicas } from "./replicas-rig.ts";

const options = numberOptions({ rounds: 20, requests: 30_000, width: 240 });

process.exit(
  await prove(async (checks) => {
    const replicas = await startReplicas(options.rounds);
    try {
      console.log(`${options.rounds} rounds of ${options.requests} requests against a limit`);
      await proveLimits(checks, replicas, options);
      console.log("Redis goes away under load");
      await proveOutages(checks, replicas);
      console.log("A budget under many streams");
      await proveBudget(checks, replicas);
    } finally {
      await replicas.stop();
    }
  }),
);
