import { afterAll, describe, expect, test } from "bun:test";
import { listenForReplay } from "../support/replay-connection.ts";
import { playedRequest, wires } from "../support/replay-wires.ts";
import { ask, clients, type Client } from "./translation-clients.ts";
import {
  credential,
  providersAt,
  recordsOf,
  spoken,
  startTranslationRig,
  upstreamIds,
  type AuditRow,
} from "./translation-rig.ts";

/** Answers of an upstream that fails with status 200; the model's name says which. */
const failing = {
  /** The failure is the first event, or all of a whole answer. */
  "fails-first": (failure: string) => [failure],
  /** What opens a stream, and no content. */
  "fails-opened": (failure: string, opening: readonly string[]) => [...opening, failure],
  /** A good beginning, then nothing. */
  "ends-opened": (_failure: string, opening: readonly string[]) => [...opening],
  "ends-empty": () => [],
} as const;

type FailingName = keyof typeof failing;

/** Events in front of a stream's first content. */
const openings: Readonly<Record<string, number>> = { "openai-chat": 1, "openai-responses": 2, "anthropic-messages": 1 };

/** A text with what failed in it; the credential is quoted, as some upstreams do. */
const message = `It broke at once, with ${credential} in hand.`;

const raw = await listenForReplay((exchange) => {
  const protocol = Object.values(spoken).find((id) => exchange.request.headers["x-spoken"] === id) ?? "openai-chat";
  const wire = wires[protocol];
  const model = exchange.request.model || (/models\/([^:]+):/.exec(exchange.request.path)?.[1] ?? "");
  const isStream = wire.wantsStream(playedRequest(exchange.request));
  const parts = [{ type: "text", text: "Hello" }] as const;
  const usage = { input: 1, cacheRead: 0, cacheWrite: 0, output: 1, reasoning: 0 };
  const { events, contentType } = wire.stream({ id: "x", model, parts, finish: "end", usage });
  const { body, contentType: refusalType } = wire.refusal(529, message);
  const failure = isStream ? wire.failureInStream(message) : body;
  exchange.start({ headers: { "content-type": isStream ? contentType : refusalType } });
  const opening = isStream ? events.slice(0, openings[protocol] ?? 0) : [];
  for (const piece of failing[model as FailingName](failure, opening)) exchange.write(piece);
  exchange.end();
});

const rawProviders = upstreamIds.map((id) => {
  const settings = providersAt(raw.origin, { headers: { "x-spoken": spoken[id] } })[id];
  return [`raw-${id}`, settings] as const;
});
const rawModels = rawProviders.flatMap(([provider]) =>
  Object.keys(failing).map((model) => [`${provider}-${model}`, { targets: [{ provider, model }] }] as const),
);
const { gateway, upstream, ...rig } = await startTranslationRig({
  config: { providers: Object.fromEntries(rawProviders), models: Object.fromEntries(rawModels) },
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await raw.close();
});

/** Requests whose records are looked at in the end, all at once: they are written in batches. */
const broken = new Map<string, AuditRow>();

function noteBroken(response: Response, row: AuditRow): void {
  broken.set(response.headers.get("x-request-id") ?? "none", { end_reason: "upstream_error", ...row });
}

const table = clients.flatMap((client) => upstreamIds.map((id) => [client.name, id, client] as const));

/** A failure before any content is no stream: it has a status that says so. */
async function expectRefusal(client: Client, response: Response): Promise<string> {
  const text = await response.text();
  expect(text).toStartWith("{");
  expect(response.status).toBeWithin(500, 530);
  expect(response.headers.get("content-type")).toStartWith("application/json");
  expect(text).not.toContain(credential);
  const told = client.errorOf(JSON.parse(text), response.status);
  noteBroken(response, { protocol: client.protocol, attempts: 1 });
  return told.message;
}

describe.each(table)("%s before %s", (_, id, client) => {
  test("a failure in the first event is a real status", async () => {
    for (const isStream of [true, false]) {
      const response = await ask(gateway, client, { model: `raw-${id}-fails-first`, isStream });
      expect(await expectRefusal(client, response)).toContain("It broke at once, with [credential] in hand.");
    }
  });

  test("so is one behind events without content", async () => {
    const response = await ask(gateway, client, { model: `raw-${id}-fails-opened`, isStream: true });
    expect(await expectRefusal(client, response)).toContain("It broke at once");
  });

  test("and an answer that never comes", async () => {
    for (const name of ["ends-opened", "ends-empty"] as const) {
      const response = await ask(gateway, client, { model: `raw-${id}-${name}`, isStream: true });
      expect(await expectRefusal(client, response)).toContain("ended its answer before it was complete");
    }
    const response = await ask(gateway, client, { model: `raw-${id}-ends-empty`, isStream: false });
    await expectRefusal(client, response);
  });

  test.each(["breaks", "cut"])(
    "behind content an upstream that %s ends the stream with the client's own error",
    async (scenario) => {
      const response = await ask(gateway, client, { model: `${id}-${scenario}`, isStream: true });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe(client.streamType);
      expect(response.headers.get("cache-control")).toBe("no-cache");
      const stream = await response.text();
      expect(stream).toContain("Grü");
      expect(stream).not.toContain(credential);
      const failure = client.failureOf(stream);
      expect(failure?.message).toMatch(scenario === "breaks" ? /It broke half-way/ : /127\.0\.0\.1/);
      expect(client.isClean(stream)).toBe(false);
      // In the same lane nobody reads when the upstream's answer was made.
      const problems = wires[client.protocol].problemsOf(stream).filter((problem) => problem !== "created has changed");
      expect(problems).toEqual([]);
      noteBroken(response, { protocol: client.protocol, stream: 1, attempts: 1 });
    },
  );

  test("whole answers that are cut are a failure", async () => {
    const response = await ask(gateway, client, { model: `${id}-cut`, isStream: false });
    await expectRefusal(client, response);
  });

  test("a good stream ends clean", async () => {
    const response = await ask(gateway, client, { model: `${id}-plain`, isStream: true });
    const stream = await response.text();
    expect(response.headers.get("content-type")).toBe(client.streamType);
    expect(client.failureOf(stream)).toBeUndefined();
    expect(client.isClean(stream)).toBe(true);
    expect(wires[client.protocol].problemsOf(stream)).toEqual([]);
  });
});

test("the records say so", async () => {
  const rows = await recordsOf(gateway, [...broken.keys()]);
  for (const [id, row] of broken) expect(rows.get(id)).toMatchObject(row);
});

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));
