import { afterAll, beforeEach, expect, test } from "bun:test";
import { connectRaw, postBytes } from "../support/raw-client.ts";
import { inParallel, startRig, until } from "../support/e2e.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import type { Behaviour } from "../support/exchange.ts";
import { failure, hangBeforeHeaders, pieces, streamOf } from "../support/replies.ts";

const { upstream, gateway, ...rig } = await startRig();
beforeEach(() => upstream.clear());
afterAll(() => rig[Symbol.asyncDispose]());

/** Longer than promised (100 ms): a loaded machine must not fail the test. */
const limitMs = 250;

interface Leaving {
  behaviour: Behaviour;
  stream: boolean;
  /** What the client waits for before it leaves; nothing = that the upstream has the request. */
  after?: RegExp;
}
const partial = (model: string) => [
  ": OPENROUTER PROCESSING\n\n",
  event(deltaChunk(model, { role: "assistant", content: "" })),
  event(deltaChunk(model, { content: "Partial" })),
];
const cases: Record<string, Leaving> = {
  "before the headers of a stream": { behaviour: hangBeforeHeaders, stream: true },
  "before the answer to a plain request": { behaviour: hangBeforeHeaders, stream: false },
  "before the first token": {
    behaviour: streamOf((model) => partial(model).slice(0, 2), { ending: "hang" }),
    stream: true,
  },
  "in the middle of a quiet stream": {
    behaviour: streamOf(partial, { ending: "hang" }),
    stream: true,
    after: /Partial/,
  },
  "in the middle of a busy stream": {
    behaviour: streamOf((model) => [
      ...partial(model),
      ...Array.from({ length: 2000 }, () => event(deltaChunk(model, { content: "." }))),
    ]),
    stream: true,
    after: /Partial/,
  },
  "in the middle of a plain answer": {
    behaviour: pieces([`{"id":"gen-1","choices":[`, `{"index":0,`], {
      framing: "length",
      headers: { "content-type": "application/json", "content-length": "100000" },
      ending: "hang",
    }),
    stream: false,
  },
};

/** Starts a request, leaves as the case says, and returns how many milliseconds later the upstream noticed. */
async function leave(model: string, { stream, after }: Leaving, how: "fin" | "rst"): Promise<number> {
  const client = await connectRaw(gateway.port);
  client.send(postBytes("/v1/chat/completions", JSON.stringify({ model, stream, messages: [] })));
  const request = await upstream.waitFor((candidate) => candidate.model === model);
  if (after !== undefined) await client.waitFor(after);
  else await Bun.sleep(30);
  const leftAt = performance.now();
  client.leave(how);
  expect(await request.ended).toBe("aborted");
  return (request.abortedAt ?? Infinity) - leftAt;
}

for (const [when, leaving] of Object.entries(cases)) {
  for (const how of ["fin", "rst"] as const) {
    test(`a client that leaves (${how}) ${when} cancels the upstream`, async () => {
      const model = `vendor/${when.replaceAll(" ", "-")}-${how}`;
      upstream.set(model, leaving.behaviour);
      expect(await leave(model, leaving, how)).toBeLessThan(limitMs);
      const [line] = await gateway.trafficLines(1, ({ originalModel }) => originalModel === model);
      expect(line?.assistant).toContain("[499 client_cancelled]");
      if (leaving.after !== undefined) expect(line?.assistant).toContain("Partial");
      expect(upstream.of(model)).toHaveLength(1);
    });
  }
}

test("a client that leaves between two tries stops the trying", async () => {
  upstream.set("vendor/retry", failure(429, { headers: { "retry-after": "1" } }));
  const client = await connectRaw(gateway.port);
  client.send(postBytes("/v1/chat/completions", `{"model":"vendor/retry","messages":[]}`));
  await upstream.waitFor(({ model }) => model === "vendor/retry");
  await Bun.sleep(50);
  client.leave();
  const [line] = await gateway.trafficLines(1, ({ originalModel }) => originalModel === "vendor/retry");
  expect(line?.assistant).toContain("[499 client_cancelled]");
  await Bun.sleep(1200);
  expect(upstream.of("vendor/retry")).toHaveLength(1);
});

test("200 clients that leave at random times leave nothing behind", async () => {
  const words = Array.from({ length: 100 }, (_, index) => `word${index} `);
  upstream.otherwise(streamOf((model) => words.map((content) => event(deltaChunk(model, { content }))), { paceMs: 5 }));
  await inParallel(200, 50, async (index) => {
    const client = await connectRaw(gateway.port);
    client.send(
      postBytes("/v1/chat/completions", JSON.stringify({ model: `vendor/${index}`, stream: true, messages: [] })),
    );
    await Bun.sleep((index * 7) % 50);
    client.leave(index % 2 === 0 ? "fin" : "rst");
  });
  await until(() => upstream.running() === 0, "all upstream requests ended");
  await until(async () => {
    const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
    return /^orcestator_active_requests(?:\{\})? 0$/m.test(metrics);
  }, "no active requests");
  expect(gateway.stderr()).not.toMatch(/DOMException|AbortError|unhandled/i);
}, 20_000);

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));
