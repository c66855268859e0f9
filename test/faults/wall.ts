import { afterAll, describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createFaultUpstream } from "../support/fault-upstream.ts";
import type { Gateway } from "../support/gateway.ts";
import { canary, casesOf, type Case } from "./cases.ts";
import { checkCase, failedRequests, latenessOf } from "./check.ts";
import { runRound, type Round } from "./round.ts";
import { groups, type GroupName } from "./rows.ts";
import type { Outcome } from "./run.ts";

/** Cases under way at once: enough to fill the waiting, few enough that nobody is late. */
const usualWidth = 48;
const calmWidth = 6;
/** Of all cases, those that may have to be repeated, and how often. */
const restlessShare = 0.03;
const calmRounds = 2;

function failureOf(each: Case, outcome: Outcome | undefined): unknown {
  try {
    if (outcome === undefined) throw new Error("it was not run");
    checkCase(each, outcome);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Every file that the gateway wrote. */
async function filesOf({ cwd }: Gateway): Promise<string[]> {
  const names = await readdir(cwd, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile() && entry.name !== "orcestator.yaml")
    .map(({ parentPath, name }) => join(parentPath, name));
}

function latenessOfCase(each: Case, outcome: Outcome | undefined): number[] {
  const { closes } = each.expected;
  if (outcome === undefined || typeof closes !== "number") return [];
  return failedRequests(each, outcome).map((request) => latenessOf(request, closes, outcome.startedAt));
}

/**
 * All deadlines of the wall are fractions of a second, and a busy machine holds processes up for as long: what failed is
 * run again, with little else going on. Only a few cases may need that.
 */
async function repeated(cases: readonly Case[], { outcomes }: Round): Promise<Map<Case, Outcome>> {
  const better = new Map<Case, Outcome>();
  let failed = cases.filter((each) => failureOf(each, outcomes.get(each)) !== undefined);
  if (failed.length > cases.length * restlessShare) return better;
  for (let count = 0; count < calmRounds && failed.length > 0; count += 1) {
    await using calm = await runRound(failed, calmWidth);
    for (const [each, outcome] of calm.outcomes) better.set(each, outcome);
    failed = failed.filter((each) => failureOf(each, better.get(each)) !== undefined);
  }
  return better;
}

/** Runs all cases of a group before one gateway, then tells of each as a test of its own. */
export async function wall(name: GroupName, width = usualWidth): Promise<void> {
  const sink = await createFaultUpstream();
  const cases = casesOf(groups[name](sink.origin));
  const round = await runRound(cases, width);
  const { gateway, outcomes } = round;
  const calm = await repeated(cases, round);
  afterAll(async () => {
    await round[Symbol.asyncDispose]();
    await sink.close();
  });

  for (const [row, own] of Map.groupBy(cases, (each) => each.row))
    describe(`${name}: ${row.what}`, () => {
      test.each(own.map((each) => [each.name, each] as const))("%s", (_, each) => {
        const failure = failureOf(each, calm.get(each) ?? outcomes.get(each));
        if (failure !== undefined) throw failure;
      });
    });

  describe(`${name}: after all of it`, () => {
    test("what has failed is closed upstream within 100 ms, nearly always", () => {
      const late = cases.flatMap((each) => latenessOfCase(each, outcomes.get(each)));
      const sorted = late.toSorted((left, right) => left - right);
      const most = sorted[Math.floor(sorted.length * 0.8)] ?? 0;
      expect(most).toBeLessThan(100 + (outcomes.get(cases[0] as Case)?.slackMs ?? 0));
    });

    test("no credential stands in any output, log or record", async () => {
      expect(gateway.stdout() + gateway.stderr()).not.toContain(canary);
      for (const file of await filesOf(gateway)) {
        const found = (await Bun.file(file).text()).includes(canary);
        expect({ file, found }).toEqual({ file, found: false });
      }
    });

    test("no request was sent where a redirect pointed", () => {
      expect([sink.requests.length, sink.others.length]).toEqual([0, 0]);
    });

    test("the gateway is well, and nothing is under way", async () => {
      expect((await fetch(`${gateway.origin}/health/ready`)).status).toBe(200);
      const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
      expect(/^orcestator_active_requests (\d+)/m.exec(metrics)?.[1]).toBe("0");
    });
  });
}
