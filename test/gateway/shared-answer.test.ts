import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import { attempt, type Opened } from "../../src/gateway/attempt.ts";
import type { Exchange } from "../../src/gateway/exchange.ts";
import { openWithFailover } from "../../src/gateway/failover.ts";
import type { Holds } from "../../src/gateway/hold.ts";
import { createSharedAnswers } from "../../src/gateway/shared-answer.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { until } from "../support/e2e.ts";
import type { Behaviour } from "../support/exchange.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { failure, okJson } from "../support/replies.ts";
import { expectAllClosed, rejectionOf, startRun, type Run, type RunOptions } from "./rig.ts";
import { routed } from "./routed.ts";

const upstream = await createFakeUpstream({ credentials: ["k"] });
const provider = openaiCompatibleAt(upstream.url, { credentials: ["k"], retries: 0, concurrency: 100 });
const parts = routed(
  configured({ providers: { one: provider }, models: { m: { targets: [{ provider: "one", model: "vendor/x" }] } } }),
);
beforeEach(() => upstream.clear());
afterAll(() => upstream.close());

interface Ended {
  record: RequestRecord;
  error: GatewayError | undefined;
}

function open(exchange: Exchange): Promise<Opened> {
  return openWithFailover(exchange, {
    attempt: (candidate) => attempt(exchange, candidate),
    discard: () => undefined,
  });
}

function newRig() {
  const ended: Ended[] = [];
  const share = createSharedAnswers({
    onEnd(holds: Holds, record, error) {
      holds.end(error ?? "ok", 0);
      ended.push({ record, error });
    },
  });
  const start = (options: Partial<RunOptions> = {}): { run: Run; answer: Promise<Opened> } => {
    const run = startRun({ routed: parts, ...options });
    const answer = share(run.exchange, open);
    answer.catch(() => undefined);
    return { run, answer };
  };
  return { ended, start };
}

/** Answers when it is told to. */
function held(reply: Behaviour): { behaviour: Behaviour; answer: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const behaviour: Behaviour = async (exchange) => {
    await promise;
    if (!exchange.hasEnded()) await reply(exchange);
  };
  return { behaviour, answer: resolve };
}

function leases(): number {
  return parts.routing.limiter.view().reduce((sum, { inUse }) => sum + inUse, 0);
}

describe("equal requests at the same time", () => {
  test("are sent once, and each is answered; the first has the attempts and the usage", async () => {
    const { behaviour, answer } = held(okJson());
    upstream.set("vendor/x", behaviour);
    const { ended, start } = newRig();
    const started = [start(), start(), start()];
    await until(() => upstream.requests.length > 0, "a request upstream");
    answer();
    const opened = await Promise.all(started.map(({ answer }) => answer));
    expect(upstream.requests).toHaveLength(1);
    expect(ended).toHaveLength(1);
    const [first, ...others] = opened.map((one) => (one.kind === "answer" ? one : undefined));
    expect(first?.observation.usage).toMatchObject({ input: 8, cacheRead: 4 });
    for (const other of others) {
      expect(other?.output).toBe(first?.output ?? "");
      expect(other?.observation).toMatchObject({ usage: undefined, costUsd: undefined, finishReason: "stop" });
    }
    const records = started.map(({ run }) => run.exchange.recording.record);
    expect(records.map(({ attempts }) => attempts)).toEqual([1, 0, 0]);
    expect(records.map(({ provider, modelServed }) => [provider, modelServed])).toEqual([
      ["one", "vendor/x"],
      ["one", "vendor/x"],
      ["one", "vendor/x"],
    ]);
    expect(new Set(records.map(({ id }) => id)).size).toBe(3);
    expect(records[1]?.trail?.waits).toMatchObject([{ for: "an equal request" }]);
    expect(leases()).toBe(0);
  });

  test("share a refusal of the upstream", async () => {
    const { behaviour, answer } = held(failure(400));
    upstream.set("vendor/x", behaviour);
    const { ended, start } = newRig();
    const started = [start(), start()];
    await until(() => upstream.requests.length > 0, "a request upstream");
    answer();
    const errors = await Promise.all(started.map(({ answer }) => rejectionOf(answer)));
    expect(errors.map(({ status }) => status)).toEqual([400, 400]);
    expect(started.map(({ run }) => run.exchange.recording.record.attempts)).toEqual([1, 0]);
    expect(ended.map(({ error }) => error?.status)).toEqual([400]);
    expect(leases()).toBe(0);
  });

  test("that differ are sent each", async () => {
    upstream.set("vendor/x", okJson());
    const { start } = newRig();
    await Promise.all([start({ fields: { seed: 1 } }).answer, start({ fields: { seed: 2 } }).answer]);
    expect(upstream.requests).toHaveLength(2);
  });
});

describe("when the client that came first leaves", () => {
  test("the next one gets the answer, and what it has cost", async () => {
    const { behaviour, answer } = held(okJson());
    upstream.set("vendor/x", behaviour);
    const { start } = newRig();
    const [first, second] = [start(), start()];
    await until(() => upstream.requests.length > 0, "a request upstream");
    first.run.client.abort();
    expect(await rejectionOf(first.answer)).toMatchObject({ code: "client_cancelled" });
    answer();
    const opened = await second.answer;
    expect(upstream.requests).toHaveLength(1);
    expect(opened.kind === "answer" && opened.observation.usage).toMatchObject({ input: 8 });
    expect(second.run.exchange.recording.record.attempts).toBe(1);
  });

  test("and nobody else waits, the upstream is let go and everything given back", async () => {
    upstream.set("vendor/x", held(okJson()).behaviour);
    const { ended, start } = newRig();
    const [first, second] = [start(), start()];
    await until(() => upstream.requests.length > 0, "a request upstream");
    expect(leases()).toBe(1);
    first.run.client.abort();
    second.run.client.abort();
    await Promise.allSettled([first.answer, second.answer]);
    await expectAllClosed(upstream.requests);
    await until(() => ended.length > 0, "the end of the work");
    expect(ended[0]?.error).toMatchObject({ code: "client_cancelled" });
    expect(leases()).toBe(0);
  });
});
