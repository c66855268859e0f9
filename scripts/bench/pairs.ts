import type { Bench } from "./parties.ts";
import { cpuPerRequest, type Goal, interleave, type Plan, ratios } from "./rounds.ts";
import { markdownTable, median, spread } from "./statistics.ts";
import { measureRequests, type Pair, startKeys, startRouting } from "./workloads.ts";

interface Comparison {
  title: string;
  what: string;
  /** Of the full one's CPU time per request to the plain one's. */
  mostRatio: number;
}

async function compare(
  { plain, full, stop }: Pair,
  plan: Plan,
  { title, what, mostRatio }: Comparison,
): Promise<Goal[]> {
  const parties = [plain, full];
  for (const party of parties) await measureRequests(party, { connections: 32, seconds: 2 });
  const results = await interleave(parties, plan.requestRounds, (party) =>
    measureRequests(party, { connections: 32, seconds: plan.requestSeconds }),
  );
  await stop();
  const rows = parties.map(({ name }) => {
    const blocks = results.get(name) ?? [];
    const errors = blocks.reduce((sum, block) => sum + block.errors, 0);
    return [name, spread(blocks.map(cpuPerRequest), 1), String(errors)];
  });
  console.log(`\n## ${title} (32 connections)\n`);
  console.log(markdownTable(["configuration", "CPU µs/request", "errors"], rows));
  const ratio = ratios(results.get(full.name), results.get(plain.name), cpuPerRequest);
  const isReached = median(ratio) <= mostRatio;
  return [{ what, goal: `≤ ${mostRatio}×`, measured: `${spread(ratio, 2)}×`, isReached }];
}

export async function benchRouting(bench: Bench, plan: Plan): Promise<Goal[]> {
  return compare(await startRouting(bench), plan, {
    title: "Routing, limits and health",
    what: "CPU per request with routing, limits and health against without",
    mostRatio: 1.15,
  });
}

export async function benchKeys(bench: Bench, plan: Plan): Promise<Goal[]> {
  return compare(await startKeys(bench), plan, {
    title: "Keys, limits, budgets and records",
    what: "CPU per request with keys, limits, budgets and records against without",
    mostRatio: 1.1,
  });
}
