import type { Bench, Party } from "./parties.ts";
import { cpuPerRequest, type Goal, interleave, type Plan, ratios } from "./rounds.ts";
import { markdownTable, median, spread } from "./statistics.ts";
import { measureRequests, type Lineup, startKeys, startRouting } from "./workloads.ts";

interface Comparison {
  title: string;
  what: string;
  /** The highest ratio of the full one's CPU time per request to the plain one's. */
  mostRatio: number;
}

async function compare(
  { plain, full, more, stop }: Lineup,
  plan: Plan,
  { title, what, mostRatio }: Comparison,
): Promise<Goal[]> {
  const parties = [plain, full, ...more];
  for (const party of parties) await measureRequests(party, { connections: 32, seconds: 2 });
  const results = await interleave(parties, plan.requestRounds, (party) =>
    measureRequests(party, { connections: 32, seconds: plan.requestSeconds }),
  );
  await stop();
  const ratiosOf = ({ name }: Party) => ratios(results.get(name), results.get(plain.name), cpuPerRequest);
  const rows = parties.map((party) => {
    const blocks = results.get(party.name) ?? [];
    const errors = blocks.reduce((sum, block) => sum + block.errors, 0);
    const ratio = party === plain ? "" : `${spread(ratiosOf(party), 2)}×`;
    return [party.name, spread(blocks.map(cpuPerRequest), 1), ratio, String(errors)];
  });
  console.log(`\n## ${title} (32 connections)\n`);
  console.log(markdownTable(["configuration", "CPU µs/request", "of the first", "errors"], rows));
  const ratio = ratiosOf(full);
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
    title: "Keys, limits, records, budgets",
    what: "CPU per request with keys, limits and records against without",
    mostRatio: 1.1,
  });
}
