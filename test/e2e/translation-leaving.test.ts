import { afterAll, expect, test } from "bun:test";
import { until } from "../support/e2e.ts";
import type { ReceivedRequest } from "../support/exchange.ts";
import { metric } from "../support/metrics.ts";
import { listenForReplay } from "../support/replay-connection.ts";
import { ask, clients, type Client } from "./translation-clients.ts";
import { providersAt, recordsFor, samplesOf, startTranslationRig, upstreamIds } from "./translation-rig.ts";

/** Longer than promised (200 ms): a loaded machine must not fail the test. */
const limitMs = 300;

/** An upstream that takes requests and never says a word. */
const unanswered: ReceivedRequest[] = [];
const silent = await listenForReplay(({ request }) => void unanswered.push(request));

const silentProviders = upstreamIds.map((id) => [`silent-${id}`, providersAt(silent.origin)[id]] as const);
/** One alias for each client, so that each finds its own requests and records. */
const names = clients.map((_, index) => `client-${index}`);
const silentModels = silentProviders.flatMap(([provider]) =>
  names.map((name) => [`${provider}-${name}`, { targets: [{ provider, model: name }] }] as const),
);
const { gateway, upstream, ...rig } = await startTranslationRig({
  config: { providers: Object.fromEntries(silentProviders), models: Object.fromEntries(silentModels) },
  names: names.map((name) => `hang-${name}`),
});
const text = "A start, and then nothing more, for as long as anybody stays. ".repeat(4);
const usage = { input: 1, cacheRead: 0, cacheWrite: 0, output: 1, reasoning: 0 };
for (const name of names) {
  const script = { id: "hanging", model: "", parts: [{ type: "text", text }], finish: "end", usage } as const;
  upstream.set(`hang-${name}`, () => ({ type: "hang", script }));
}
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await silent.close();
});

/** Leaves, and says how many milliseconds later the upstream noticed. */
async function leave(controller: AbortController, request: ReceivedRequest): Promise<number> {
  const leftAt = performance.now();
  controller.abort();
  expect(await request.ended).toBe("aborted");
  return (request.abortedAt ?? Infinity) - leftAt;
}

function settled(answer: Promise<Response>): void {
  void answer.then((response) => response.text()).catch(() => undefined);
}

async function leaveBeforeHeaders(client: Client, id: string, isStream: boolean): Promise<number> {
  const controller = new AbortController();
  const name = names[clients.indexOf(client)] ?? "";
  const isOurs = (request: ReceivedRequest) => !request.hasEnded() && `${request.path} ${request.model}`.includes(name);
  const before = unanswered.length;
  settled(ask(gateway, client, { model: `silent-${id}-${name}`, isStream, signal: controller.signal }));
  await until(() => unanswered.slice(before).some(isOurs), "the request upstream");
  return leave(controller, unanswered.slice(before).find(isOurs) as ReceivedRequest);
}

async function leaveInStream(client: Client, id: string): Promise<number> {
  const controller = new AbortController();
  const name = `hang-${names[clients.indexOf(client)]}`;
  const { signal } = controller;
  const conversation = upstream.waitFor(({ model, received }) => model === name && !received.hasEnded());
  const response = await ask(gateway, client, { model: `${id}-${name}`, isStream: true, signal });
  const reader = response.body?.getReader();
  const first = await reader?.read();
  expect(first?.value?.length).toBeGreaterThan(0);
  return leave(controller, (await conversation).received);
}

const table = clients.map((client) => [client.name, client] as const);

test.each(table)("%s: leaving before the headers cancels upstream", async (_, client) => {
  for (const id of upstreamIds) {
    for (const isStream of [false, true]) expect(await leaveBeforeHeaders(client, id, isStream)).toBeLessThan(limitMs);
  }
});

test.each(table)("%s: leaving in the middle of a stream cancels upstream", async (_, client) => {
  for (const id of upstreamIds) expect(await leaveInStream(client, id)).toBeLessThan(limitMs);
});

test("the records say that the client left, and what it had got", async () => {
  for (const [index, { protocol }] of clients.entries()) {
    const cancelled = { end_reason: "client_cancelled", error_code: "client_cancelled", status: 499, protocol };
    for (const id of upstreamIds) {
      for (const row of await recordsFor(gateway, `silent-${id}-${names[index]}`, 2))
        expect(row).toMatchObject({ ...cancelled, attempts: 1, provider: `silent-${id}`, assistant_text: null });
      const [row] = await recordsFor(gateway, `${id}-hang-${names[index]}`);
      expect(row).toMatchObject({ ...cancelled, attempts: 1, stream: 1, provider: id });
      expect(row?.["assistant_text"]).toContain("A start");
      expect(row?.["usage_source"]).not.toBe("none");
    }
  }
});

test("nothing is left behind", async () => {
  expect(metric(await samplesOf(gateway), "orcestator_active_requests")).toBe(0);
  expect(gateway.stderr()).not.toMatch(/DOMException|AbortError|unhandled|bug/i);
  expect(upstream.violations).toEqual([]);
});
