import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { until } from "../support/e2e.ts";
import type { Behaviour } from "../support/exchange.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import { body, failure, hangBeforeHeaders, okJson, streamOf } from "../support/replies.ts";
import { at, startRoutingRig } from "./routing-rig.ts";

const cooldownMs = 250;
const alone = ["row", "probe", "mistakes", "leaving", "shared", "broken", "stalled", "empty", "limited"];
const rig = await startRoutingRig({
  providers: { one: { timeouts: { idle: "80ms" } }, two: {}, three: {} },
  models: {
    ...Object.fromEntries(alone.map((name) => [name, { targets: [at("one", `${name}-1`), at("two", `${name}-2`)] }])),
    all: { targets: [at("one", "all-1"), at("two", "all-2"), at("three", "all-3")] },
  },
  config: { health: { probes: false, cooldown: `${cooldownMs}ms` }, affinity: { by: "off" } },
});
const { upstream, ask, asked } = rig;
beforeEach(() => {
  upstream.clear();
  rig.forget();
});
afterAll(() => rig[Symbol.asyncDispose]());

async function targetOf(provider: string, model: string) {
  const found = (await rig.healthOf(provider)).targets.find((target) => target.model === model);
  if (found === undefined) throw new Error(`${provider} has no ${model}`);
  return found;
}

async function repeat(name: string, times = 5, fields: object = {}): Promise<void> {
  for (let index = 0; index < times; index += 1) await ask(name, { ...fields });
}

describe("a circuit", () => {
  test("opens after five errors in a row, is tried by one request, and closes after two successes", async () => {
    upstream.set("row-1", failure(500));
    // After two errors it is only asked where the other one fails too.
    upstream.set("row-2", failure(404));
    await repeat("row");
    const openedAt = performance.now();
    upstream.set("row-2", okJson());
    expect(await targetOf("one", "row-1")).toMatchObject({ circuit: "open", status: "unhealthy", errorsInRow: 5 });
    expect((await targetOf("one", "row-1")).reason).toContain("5 errors in a row");
    expect(await rig.metric("orcestator_open_circuits", { provider: "one" })).toBe(1);
    await rig.gateway.waitForOutput(/one \/ row-1 fails and is left alone for 250ms/);
    asked();
    await repeat("row", 3);
    expect(asked()).toEqual(["two/row-2", "two/row-2", "two/row-2"]);

    await Bun.sleep(Math.max(0, openedAt + cooldownMs + 20 - performance.now()));
    upstream.set("row-1", okJson());
    await repeat("row", 3);
    expect(asked()).toEqual(["one/row-1", "one/row-1", "one/row-1"]);
    expect(await targetOf("one", "row-1")).toMatchObject({ circuit: "closed", status: "healthy" });
    await rig.gateway.waitForOutput(/one \/ row-1 works again/);
  });

  test("lets one request at a time try, and a failed try doubles the pause", async () => {
    upstream.set("probe-1", failure(500));
    upstream.set("probe-2", failure(404));
    await repeat("probe");
    const openedAt = performance.now();
    upstream.set("probe-2", okJson());
    asked();
    await Bun.sleep(Math.max(0, openedAt + cooldownMs + 20 - performance.now()));
    const gate = Promise.withResolvers<void>();
    upstream.set("probe-1", async (exchange) => {
      await gate.promise;
      await failure(500)(exchange);
    });
    const all = [ask("probe")];
    await upstream.waitFor((request) => request.model === "probe-1" && !request.hasEnded());
    all.push(ask("probe"), ask("probe"));
    await Promise.all(all.slice(1));
    expect(asked()).toEqual(["one/probe-1", "two/probe-2", "two/probe-2"]);
    gate.resolve();
    await all[0];
    const { circuit, openUntil } = await targetOf("one", "probe-1");
    expect(circuit).toBe("open");
    expect((openUntil ?? 0) - Date.now()).toBeWithin(cooldownMs, 2 * cooldownMs + 1);
  });

  test("when all are open the least bad one is tried once, the error says so, and the gateway stays ready", async () => {
    upstream.otherwise(failure(500));
    await repeat("all");
    asked();
    const { status, message, id } = await ask("all");
    expect(status).toBe(503);
    const [only, ...more] = asked();
    expect(more).toEqual([]);
    expect(message).toMatch(/Tried in order: \w+\/all-\d \(500 [^)]*\)\. It was failing before: [^.]+\. Not tried: /);
    expect(message.split("Not tried: ")[1]?.match(/all-\d \([^)]+\)/g)).toHaveLength(2);
    const view = (await (await rig.admin(`/api/requests/${id}`)).json()) as { decisions: { attempts: object[] } };
    expect(view.decisions.attempts).toMatchObject([{ kind: "last_resort", outcome: "upstream_error" }]);
    expect(only).toMatch(/all-\d$/);
    expect((await fetch(`${rig.gateway.origin}/health/ready`)).status).toBe(200);
    upstream.otherwise(okJson());
    expect((await ask("all")).status).toBe(200);
  });
});

const word = (model: string): string => event(deltaChunk(model, { content: "Word" }));

describe("is a failure too:", () => {
  test.each([
    ["broken", "an answer that breaks off", streamOf((model) => [word(model)], { ending: "rst" })],
    ["stalled", "an answer that falls silent", streamOf((model) => [word(model)], { ending: "hang" })],
  ] as const)("%s: %s behind its first content", async (name, _, behaviour) => {
    upstream.set(`${name}-1`, behaviour);
    upstream.set(`${name}-2`, failure(404));
    for (let index = 0; index < 5; index += 1) {
      const { status, text } = await ask(name, { stream: true });
      expect([status, text.includes('"finish_reason":"error"')]).toEqual([200, true]);
    }
    expect(await targetOf("one", `${name}-1`)).toMatchObject({ circuit: "open", errorsInRow: 5 });
    expect((await rig.healthOf("one")).credentials[0]).toMatchObject({ status: "healthy", disabled: null });
  });
});

const half: Behaviour = (exchange) => {
  exchange.start({ headers: { "content-type": "text/event-stream" } });
  exchange.write('data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n');
};

describe("is nobody's failure:", () => {
  test("a request that is at fault itself, however often", async () => {
    upstream.set("mistakes-1", failure(400));
    for (const status of [400, 413, 422]) {
      upstream.set("mistakes-1", failure(status));
      await repeat("mistakes", 4);
    }
    expect(await targetOf("one", "mistakes-1")).toMatchObject({ status: "healthy", errorsInRow: 0, errors: 0 });
    expect((await rig.healthOf("one")).credentials[0]).toMatchObject({ status: "healthy", disabled: null });
    expect(asked().every((place) => place === "one/mistakes-1")).toBe(true);
  });

  test("an answer without content", async () => {
    upstream.set("empty-1", body('{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[]}'));
    await repeat("empty", 6);
    expect(await targetOf("one", "empty-1")).toMatchObject({ status: "healthy", errorsInRow: 0, errors: 0 });
    expect(asked().filter((place) => place === "one/empty-1")).toHaveLength(6);
  });

  test("a limit: it is the credential's, and for this model", async () => {
    upstream.set("limited-1", failure(429, { headers: { "retry-after": "30" } }));
    await repeat("limited", 6);
    expect(await targetOf("one", "limited-1")).toMatchObject({ circuit: "closed", errorsInRow: 0, errors: 0 });
    expect(asked().filter((place) => place === "one/limited-1")).toHaveLength(1);
  });

  test("a client that leaves, before the answer or in the middle of it", async () => {
    for (let index = 0; index < 8; index += 1) {
      const isHalf = index % 2 === 0;
      upstream.set("leaving-1", isHalf ? half : hangBeforeHeaders);
      const client = new AbortController();
      const asking = fetch(`${rig.gateway.url}/chat/completions`, {
        method: "POST",
        body: JSON.stringify({ model: "leaving", stream: true, messages: [{ role: "user", content: "Hi" }] }),
        signal: client.signal,
      });
      if (isHalf) await (await asking).body?.getReader().read();
      else await until(() => upstream.requests.length === index + 1, "it is asked");
      client.abort();
      await asking.catch(() => undefined);
      expect(await upstream.requests[index]?.ended).toBe("aborted");
    }
    await rig.quiet();
    expect(asked()).toEqual(Array.from({ length: 8 }, () => "one/leaving-1"));
    expect(await targetOf("one", "leaving-1")).toMatchObject({
      circuit: "closed",
      errorsInRow: 0,
      errors: 0,
      inFlight: 0,
    });
  });
});

test("a circuit is of one model at one provider", async () => {
  upstream.set("shared-1", failure(500));
  upstream.set("shared-2", failure(404));
  await repeat("shared");
  expect(await targetOf("one", "shared-1")).toMatchObject({ circuit: "open" });
  expect(await targetOf("one", "mistakes-1")).toMatchObject({ circuit: "closed" });
  expect((await rig.healthOf("one")).credentials[0]).toMatchObject({ circuit: "closed", disabled: null });
});
