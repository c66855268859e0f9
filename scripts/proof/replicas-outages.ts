import assert from "node:assert/strict";
import type { Checks } from "./checks.ts";
import { median, quantile, within } from "./figures.ts";
import { atRate, createLoadClient, type LoadResult, postRequest } from "./load-client.ts";
import { metricOf, type Replicas } from "./replicas-rig.ts";

const rate = 300;
const calmSeconds = 3;
const awaySeconds = 5;
const afterSeconds = 7;
const recoveryMs = 5000;
const delayMs = 100;

interface Outage {
  /** Also the model that is asked for. */
  readonly name: "freeze" | "kill" | "stop";
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
}

interface Timed extends LoadResult {
  readonly sentAt: number;
}

function decisions(replicas: Replicas, outcome: "made" | "failed"): Promise<number> {
  return metricOf(replicas, `orcestator_coordination_decisions_total{decision="limits.take",outcome="${outcome}"}`);
}

async function untilBack(replicas: Replicas): Promise<number | undefined> {
  const isBack = async (): Promise<boolean> =>
    (await metricOf(replicas, "orcestator_coordination_up")) === replicas.gateways.length;
  return within(2 * recoveryMs, isBack, 50);
}

async function underLoad(replicas: Replicas, outage: Outage) {
  const clients = replicas.gateways.map(({ port }) => createLoadClient(port));
  const body = { model: outage.name, messages: [{ role: "user", content: "Hi" }] };
  const bytes = postRequest("/v1/chat/completions", body);
  const results: Timed[] = [];
  const load = atRate({ rate, seconds: calmSeconds + awaySeconds + afterSeconds }, async (index) => {
    const sentAt = performance.now();
    const result = await clients[index % clients.length]?.send(bytes);
    if (result !== undefined) results.push({ ...result, sentAt });
  });
  await Bun.sleep(calmSeconds * 1000);
  const goneAt = performance.now();
  await outage.begin();
  await Bun.sleep(awaySeconds * 1000);
  await outage.end();
  const backMs = await untilBack(replicas);
  await load;
  for (const client of clients) client.close();
  return {
    calm: results.filter(({ sentAt }) => sentAt < goneAt),
    rest: results.filter(({ sentAt }) => sentAt >= goneAt),
    backMs,
  };
}

async function proveOutage(checks: Checks, replicas: Replicas, outage: Outage): Promise<void> {
  const before = { made: await decisions(replicas, "made"), failed: await decisions(replicas, "failed") };
  const { calm, rest, backMs } = await underLoad(replicas, outage);
  const made = (await decisions(replicas, "made")) - before.made;
  const failed = (await decisions(replicas, "failed")) - before.failed;
  const usual = median(calm.map(({ ms }) => ms));
  const noise = Math.max(...calm.map(({ ms }) => ms)) - usual;
  const longest = Math.max(...rest.map(({ ms }) => ms)) - usual;
  console.log(
    `        ${outage.name}: usually ${usual.toFixed(1)} ms (at most ${noise.toFixed(1)} ms more), then at most ${longest.toFixed(1)} ms more; ${failed} decisions without an answer; back after ${Math.round(backMs ?? Number.NaN)} ms`,
  );
  await checks.check(`${outage.name}: every one of ${calm.length + rest.length} requests was served`, () => {
    const others = [...calm, ...rest].filter(({ status }) => status !== 200);
    assert.equal(others.length, 0, `${others.length} were not, the first with ${others[0]?.status}`);
  });
  await checks.check(`${outage.name}: no request was delayed by more than ${delayMs} ms`, () => {
    // One in a thousand may be the machine's: an outage that made requests wait would delay all of its first moment.
    const most = quantile(
      rest.map(({ ms }) => ms),
      0.999,
    );
    assert(most - usual <= delayMs, `${(most - usual).toFixed(1)} ms`);
  });
  await checks.check(`${outage.name}: all gateways count together again within ${recoveryMs} ms`, () => {
    assert(backMs !== undefined && backMs <= recoveryMs);
  });
  await checks.check(`${outage.name}: nothing is counted twice`, async () => {
    const key = `{orcestator}:counts:model:${outage.name}`;
    const counted = Number(await replicas.redis.ask("HGET", key, "requests"));
    // What was sent without an answer may have been carried out, once.
    assert(counted <= made + failed, `${counted} are counted, ${made + failed} were sent`);
    if (outage.name === "freeze") assert(counted >= made, `${counted} are counted, ${made} were decided`);
  });
}

/** Redis stands still, dies, or is stopped, while all three gateways serve. */
export async function proveOutages(checks: Checks, replicas: Replicas): Promise<void> {
  const { redis } = replicas;
  const outages: readonly Outage[] = [
    { name: "freeze", begin: () => redis.freeze(), end: () => redis.thaw() },
    { name: "kill", begin: () => redis.kill(), end: () => redis.start() },
    { name: "stop", begin: () => redis.shutDown(), end: () => redis.start() },
  ];
  for (const outage of outages) await proveOutage(checks, replicas, outage);
}
