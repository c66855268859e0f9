import { join } from "node:path";
import { certificate } from "../support/certificate.ts";
import { inParallel, until } from "../support/e2e.ts";
import { createFaultUpstream, type FaultUpstream } from "../support/fault-upstream.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { configOf, type Case } from "./cases.ts";
import { runCase, type Outcome } from "./run.ts";

/** One run of cases before one gateway, which stays until the round is closed. */
export interface Round extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly upstreams: readonly FaultUpstream[];
  readonly outcomes: ReadonlyMap<Case, Outcome>;
}

/** Longest time this process was not on the spot, in milliseconds. */
function watchLag(): () => number {
  const everyMs = 20;
  let last = performance.now();
  let worst = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    worst = Math.max(worst, now - last - everyMs);
    last = now;
  }, everyMs);
  return () => {
    clearInterval(timer);
    return worst;
  };
}

function waitOf({ expected }: Case): number {
  return typeof expected.closes === "number" ? expected.closes : 0;
}

/** Those that wait longest go first, so that nothing waits for them at the end. */
function inOrder(cases: readonly Case[]): Case[] {
  return cases.toSorted((left, right) => waitOf(right) - waitOf(left));
}

async function closePlaces(cases: readonly Case[]): Promise<void> {
  for (const { places } of cases) for (const place of places.splice(0)) await place[Symbol.asyncDispose]();
}

/**
 * Between the first requests, in milliseconds: of a hundred at once, those at the end reach their upstream 30 to 80 ms
 * after the gateway has begun to count, which then looks hasty.
 */
const apartMs = 8;

/** Runs all cases, so many at once. */
export async function runRound(cases: readonly Case[], width: number): Promise<Round> {
  const usual = await createFaultUpstream();
  const deadly = await createFaultUpstream();
  const upstreams = [usual, deadly];
  using folder = temporaryFolder();
  const caFile = join(folder.path, "ca.pem");
  await Bun.write(caFile, certificate);
  const config = await configOf(cases, { usual: usual.origin, deadly: deadly.origin }, caFile);
  const gateway = await startGateway({ configText: JSON.stringify(config), env: { OR_API_KEY: undefined } });
  const outcomes = new Map<Case, Outcome>();
  const queue = inOrder(cases);
  const lag = watchLag();
  await inParallel(queue.length, width, async (index) => {
    const each = queue[index];
    if (index < width) await Bun.sleep(index * apartMs);
    if (each !== undefined) outcomes.set(each, await runCase(each, { gateway, upstreams }));
  });
  await until(() => upstreams.every((upstream) => upstream.running() === 0), "all answers end upstream");
  const slackMs = lag();
  for (const outcome of outcomes.values()) outcome.slackMs = slackMs;
  return {
    gateway,
    upstreams,
    outcomes,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await closePlaces(cases);
      for (const upstream of upstreams) await upstream.close();
    },
  };
}
