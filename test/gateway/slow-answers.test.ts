import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { hangBeforeHeaders, okJson } from "../support/replies.ts";
import { expectAllClosed, rejectionOf, startRun } from "./rig.ts";
import { routed, type Routed } from "./routed.ts";

const upstream = await createFakeUpstream();
beforeEach(() => upstream.clear());
afterEach(() => expectAllClosed(upstream.requests));
afterAll(() => upstream.close());

function routedTo(...names: string[]): Routed {
  const provider = openaiCompatibleAt(upstream.url, { credentials: ["k"], retries: 0, timeouts: { answer: "60ms" } });
  const targets = names.map((name) => ({ provider: name, model: `${name}-m` }));
  const providers = Object.fromEntries(names.map((name) => [name, provider]));
  return routed(configured({ providers, models: { m: { targets } } }));
}

test("an answer in one piece that does not come is looked for at the next target", async () => {
  upstream.set("a-m", hangBeforeHeaders);
  upstream.set("b-m", okJson());
  const run = startRun({ routed: routedTo("a", "b") });
  expect(await run.open()).toMatchObject({ kind: "answer" });
  expect(run.outcomes).toEqual(["a:upstream_timeout", "b:ok"]);
});

test("one that nobody else could give may take all the time there is", async () => {
  upstream.set("a-m", hangBeforeHeaders);
  const error = await rejectionOf(startRun({ routed: routedTo("a"), totalMs: 200 }).open());
  expect(error.message).toContain("timeouts.total");
});
