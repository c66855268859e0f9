// `bun run bench [--quick] [--binary PATH] [--only PART]`: how fast the gateway is, beside the shortest proxies that could do its work,
// all in one run and in turn. A figure to read, not a test: it always exits with 0.
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ClosedResult } from "./load.ts";
import { describeMachine, watch } from "./machine.ts";
import { startBench, type Bench } from "./parties.ts";
import { loadCore } from "./process.ts";
import { benchKeys, benchRouting } from "./pairs.ts";
import {
  cpuPerFrame,
  cpuPerRequest,
  foreignShares,
  type Goal,
  interleave,
  perSecond,
  type Plan,
  ratios,
} from "./rounds.ts";
import { markdownTable, median, spread } from "./statistics.ts";
import {
  measureMemory,
  measureRequests,
  measureStart,
  measureStarvation,
  measureStreams,
  startTranslating,
} from "./workloads.ts";
import { hasWrk } from "./wrk.ts";

const fullPlan: Plan = {
  requestRounds: 6,
  requestSeconds: 3,
  latencyRounds: 5,
  latencySeconds: 1,
  streamRounds: 5,
  streamSeconds: 4,
  starts: 10,
};
const quickPlan: Plan = {
  ...fullPlan,
  requestRounds: 2,
  requestSeconds: 2,
  latencyRounds: 2,
  streamRounds: 2,
  streamSeconds: 3,
  starts: 4,
};

const verdict = (isReached: boolean) => (isReached ? "reached" : "**missed**");

async function benchRequests(bench: Bench, plan: Plan): Promise<Goal[]> {
  const parties = [bench.direct, bench.rawJson, bench.bytes, bench.gateway];
  for (const party of parties) await measureRequests(party, { connections: 32, seconds: 2 });
  const busy: number[] = [];
  const results = await interleave(parties, plan.requestRounds, async (party) => {
    const measure = () => measureRequests(party, { connections: 32, seconds: plan.requestSeconds });
    const block = await watch(loadCore, measure);
    if (party === bench.gateway) busy.push(block.loadBusy);
    return block.result;
  });
  const rows = parties.map(({ name }) => {
    const blocks = results.get(name) ?? [];
    const cpu = name === "direct" ? "–" : spread(blocks.map(cpuPerRequest), 1);
    return [name, spread(blocks.map(perSecond), 0), cpu, String(blocks.reduce((sum, { errors }) => sum + errors, 0))];
  });
  console.log(`\n## Requests (32 connections, 0.3 kB in, 0.8 kB out, load by ${hasWrk ? "wrk" : "load.ts"})\n`);
  console.log(markdownTable(["party", "requests/s", "CPU µs/request", "errors"], rows));
  const [ours, raw] = [results.get("orcestator"), results.get("raw-json")];
  const rate = ratios(ours, raw, perSecond);
  const cpu = ratios(ours, raw, cpuPerRequest);
  console.log(
    `\nLoad core busy during orcestator's blocks: ${spread(
      busy.map((share) => share * 100),
      0,
    )} %.`,
  );
  console.log(`CPU per request, orcestator / raw-json: ${spread(cpu, 2)}.`);
  return [
    {
      what: "requests/s against raw-json",
      goal: "≥ 60 %",
      measured: `${spread(
        rate.map((one) => one * 100),
        0,
      )} %`,
      isReached: median(rate) >= 0.6,
    },
  ];
}

async function benchLatency(bench: Bench, plan: Plan): Promise<Goal[]> {
  const parties = [bench.direct, bench.rawJson, bench.bytes, bench.gateway];
  const results = await interleave(parties, plan.latencyRounds, (party) =>
    measureRequests(party, { connections: 1, seconds: plan.latencySeconds }),
  );
  const direct = results.get("direct") ?? [];
  const rows = parties.slice(1).map(({ name }) => {
    const blocks = results.get(name) ?? [];
    const added = (value: (result: ClosedResult) => number) =>
      blocks.map((block, round) => value(block) - value(direct[round] ?? block));
    return [
      name,
      spread(
        added(({ p50Us }) => p50Us),
        0,
      ),
      spread(
        added(({ p99Us }) => p99Us),
        0,
      ),
    ];
  });
  console.log("\n## Added latency (one connection, gateway minus direct)\n");
  console.log(markdownTable(["party", "p50 µs", "p99 µs"], rows));
  return [];
}

async function benchStreams(bench: Bench, plan: Plan): Promise<Goal[]> {
  const shape = { connections: 200, everyMs: 20, seconds: plan.streamSeconds };
  const parties = [bench.bytes, bench.gateway];
  for (const party of parties) await measureStreams(party, { ...shape, seconds: 2 });
  const results = await interleave(parties, plan.streamRounds, (party) => measureStreams(party, shape));
  const rows = parties.map(({ name }) => {
    const blocks = results.get(name) ?? [];
    const share = blocks.map(({ frames, seconds }) => (frames / (seconds * 10_000)) * 100);
    return [
      name,
      spread(blocks.map(cpuPerFrame), 1),
      `${spread(share, 1)} %`,
      String(blocks.reduce((sum, { failed }) => sum + failed, 0)),
    ];
  });
  console.log("\n## Streams (200 × 50 frames/s; `model` rewritten and usage read in orcestator only)\n");
  console.log(markdownTable(["party", "CPU µs/frame", "frames that came", "failed streams"], rows));
  const ratio = ratios(results.get("orcestator"), results.get("bytes"), cpuPerFrame);
  return [
    {
      what: "CPU per frame against byte pass-through",
      goal: "≤ 1.35×",
      measured: `${spread(ratio, 2)}×`,
      isReached: median(ratio) <= 1.35,
    },
  ];
}

async function benchTranslation(bench: Bench, plan: Plan): Promise<Goal[]> {
  const shape = { connections: 100, everyMs: 20, seconds: plan.streamSeconds };
  const { same, translated, stop } = await startTranslating(bench);
  const parties = [same, translated];
  for (const party of parties) await measureStreams(party, { ...shape, seconds: 2 });
  const results = await interleave(parties, plan.streamRounds, (party) => measureStreams(party, shape));
  await stop();
  const rows = parties.map(({ name }) => {
    const blocks = results.get(name) ?? [];
    return [name, spread(blocks.map(cpuPerFrame), 1), String(blocks.reduce((sum, { failed }) => sum + failed, 0))];
  });
  console.log("\n## Translation (100 × 50 frames/s from an OpenAI chat upstream)\n");
  console.log(markdownTable(["client", "CPU µs/frame", "failed streams"], rows));
  const ratio = ratios(results.get(translated.name), results.get(same.name), cpuPerFrame);
  return [
    {
      what: "CPU per frame, translated against same lane",
      goal: "≤ 2×",
      measured: `${spread(ratio, 2)}×`,
      isReached: median(ratio) <= 2,
    },
  ];
}

async function benchFootprint(bench: Bench, plan: Plan): Promise<Goal[]> {
  const { idleMb, openMb, streams } = await measureMemory(bench);
  const directory = await mkdtemp(join(tmpdir(), "orcestator-bench-"));
  const starts: number[] = [];
  for (let index = 0; index < plan.starts; index += 1) starts.push(await measureStart(bench, directory));
  await rm(directory, { recursive: true, force: true });
  const starvation = await measureStarvation(bench);
  const quick = `${starvation.answered} of 50 in ${starvation.slowestMs.toFixed(0)} ms beside ${starvation.slowOpen} streams`;
  return [
    { what: "memory at rest", goal: "≤ 90 MB", measured: `${idleMb.toFixed(0)} MB`, isReached: idleMb <= 90 },
    {
      what: "memory for 1,000 open streams",
      goal: "≤ +60 MB",
      measured: `+${(openMb - idleMb).toFixed(0)} MB (${streams.open} open)`,
      isReached: openMb - idleMb <= 60 && streams.open === 1000,
    },
    {
      what: "exec to first 200",
      goal: "≤ 120 ms",
      measured: `${spread(starts, 0)} ms`,
      isReached: median(starts) <= 120,
    },
    {
      what: "600 slow streams do not starve another upstream",
      goal: "50 answers < 2 s",
      measured: quick,
      isReached: starvation.answered === 50 && starvation.slowOpen === 600 && starvation.slowestMs < 2000,
    },
  ];
}

const parts: Readonly<Record<string, (bench: Bench, plan: Plan) => Promise<Goal[]>>> = {
  requests: benchRequests,
  latency: benchLatency,
  streams: benchStreams,
  translation: benchTranslation,
  routing: benchRouting,
  keys: benchKeys,
  footprint: benchFootprint,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: "boolean", default: false }, binary: { type: "string" }, only: { type: "string" } },
  });
  if (process.platform !== "linux" || availableParallelism() < 2 || Bun.which("taskset") === null) {
    console.log("The benchmark needs Linux, two cores and taskset (util-linux).");
    return;
  }
  const plan = values.quick ? quickPlan : fullPlan;
  const startedAt = performance.now();
  const bench = await startBench(values.binary);
  try {
    console.log(`# Benchmark\n\n${describeMachine()}; gateway: ${bench.gatewayCommand.join(" ")}, alone on one core.`);
    console.log("Figures are medians of interleaved blocks, with the lowest and the highest.");
    const goals: Goal[] = [];
    for (const [name, run] of Object.entries(parts)) {
      if (values.only === undefined || values.only === name) goals.push(...(await run(bench, plan)));
    }
    console.log(`\nOther programs took ${spread(foreignShares, 1)} % of the machine during the blocks.`);
    console.log("\n## Goals\n");
    console.log(
      markdownTable(
        ["what", "goal", "measured", ""],
        goals.map(({ what, goal, measured, isReached }) => [what, goal, measured, verdict(isReached)]),
      ),
    );
  } finally {
    await bench.stop();
  }
  console.log(`\nTook ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`);
}

// A figure that could not be had is no failure of the build.
await main().catch((error: unknown) => console.error("The benchmark broke off:", error));
process.exit(0);
