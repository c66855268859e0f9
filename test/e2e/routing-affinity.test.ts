import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { failure, okJson } from "../support/replies.ts";
import { askModel, providerAt, startFaultRig } from "../faults/rig.ts";
import { at, startRoutingRig, type Fields } from "./routing-rig.ts";

const both = (name: string): object[] => [at("one", `${name}-1`), at("two", `${name}-2`)];
const names = ["session", "prompt", "off", "moved", "keys"] as const;
const rig = await startRoutingRig({
  providers: {
    one: {},
    two: {},
    several: { credentials: ["sk-several-0123456789-1", "sk-several-0123456789-2", "sk-several-0123456789-3"] },
  },
  models: {
    ...Object.fromEntries(names.map((name) => [name, { targets: both(name), strategy: "round_robin" }])),
    prompt: { targets: both("prompt"), strategy: "round_robin", affinity: "prompt" },
    off: { targets: both("off"), strategy: "round_robin", affinity: "off" },
    keys: { targets: [at("several", "keys-m")] },
  },
  config: { health: { probes: false, retryAfter: "1h" } },
});
const { upstream, ask, asked } = rig;
beforeEach(() => {
  upstream.clear();
  rig.forget();
});
afterAll(() => rig[Symbol.asyncDispose]());

const session = (id: string): { headers: Record<string, string> } => ({ headers: { "x-session-id": id } });
const credentialsUsed = (): string[] =>
  upstream.requests.map(({ headers }) => (headers["authorization"] ?? "").slice(-1));
const long = "You are a helpful assistant that answers in one sentence. ".repeat(40);
const prompt = (text: string): Fields => ({
  messages: [
    { role: "system", content: long },
    { role: "user", content: text },
  ],
});

describe("requests of one session", () => {
  test.each([
    ["x-session-id", { headers: { "x-session-id": "h-1" } }, {}],
    ["prompt_cache_key", {}, { prompt_cache_key: "c-1" }],
    ["Claude Code's header", { headers: { "x-claude-code-session-id": "cc-1" } }, {}],
  ] as const)("stay at their target, named by %s", async (_, options, fields) => {
    await ask("session");
    for (let index = 0; index < 4; index += 1) await ask("session", fields, options);
    const [, first, ...others] = asked();
    expect(others).toEqual(Array.from({ length: 3 }, () => first ?? ""));
  });

  test("share their target with nobody: others take turns", async () => {
    for (let index = 0; index < 4; index += 1) await ask("session", {}, session(`own-${index}`));
    expect(new Set(asked()).size).toBe(2);
  });

  test("stay with their credential", async () => {
    for (const id of ["a", "b", "c", "a", "b", "c"]) await ask("keys", {}, session(`keys-${id}`));
    const used = credentialsUsed();
    expect(used.slice(0, 3).toSorted()).toEqual(["1", "2", "3"]);
    expect(used.slice(3)).toEqual(used.slice(0, 3));
  });

  test("are kept to each other in the story", async () => {
    await ask("session", {}, session("told"));
    const { id } = await ask("session", {}, session("told"));
    const view = (await (await rig.admin(`/api/requests/${id}`)).json()) as { decisions: Fields; summary: string[] };
    expect(view.decisions).toMatchObject({ affinity: "kept" });
    expect(view.summary).toContain("It was kept to the target of an earlier request, for its prompt cache.");
  });

  test("move when their target cannot be used, and stay at the new one", async () => {
    await ask("moved", {}, session("mover"));
    const [first = ""] = asked();
    const model = first.split("/")[1] ?? "";
    upstream.set(model, failure(500));
    for (let index = 0; index < 5; index += 1) await ask("moved", {}, session(`breaker-${index}`));
    for (let index = 0; index < 10; index += 1) await ask("moved", {}, session("mover"));
    asked();
    const { id } = await ask("moved", {}, session("mover"));
    const [second] = asked();
    expect(second).toBe(first === "one/moved-1" ? "two/moved-2" : "one/moved-1");
    const view = (await (await rig.admin(`/api/requests/${id}`)).json()) as { decisions: Fields };
    expect(view.decisions).toMatchObject({ affinity: "kept" });
  });

  test("move from a credential that is refused", async () => {
    await ask("keys", {}, session("refused"));
    const [first = ""] = credentialsUsed();
    upstream.otherwise((exchange) =>
      exchange.request.headers["authorization"]?.endsWith(first) === true ? failure(401)(exchange) : okJson()(exchange),
    );
    expect((await ask("keys", {}, session("refused"))).status).toBe(200);
    await ask("keys", {}, session("refused"));
    const [, again, moved, stays] = credentialsUsed();
    expect(again).toBe(first);
    expect(moved).not.toBe(first);
    expect(stays ?? "").toBe(moved ?? "-");
  });
});

describe("requests that begin alike", () => {
  test("stay together where prompts count", async () => {
    for (const text of ["A", "A", "A", "A"]) await ask("prompt", prompt(text));
    expect(new Set(asked()).size).toBe(1);
    for (const text of ["B", "C", "D", "E"]) await ask("prompt", prompt(text));
    expect(new Set(asked()).size).toBe(2);
  });

  test("take turns where only sessions do, and everywhere with affinity off", async () => {
    for (const text of ["A", "A"]) await ask("session", prompt(text));
    expect(new Set(asked()).size).toBe(2);
    for (let index = 0; index < 2; index += 1) await ask("off", prompt("A"), session("off"));
    expect(new Set(asked()).size).toBe(2);
  });
});

test("a request that goes on behind a response goes to whoever made it", async () => {
  const protocol = "openai-responses";
  await using house = await startFaultRig({
    config: (origin) => ({
      affinity: { by: "session" },
      providers: Object.fromEntries(
        ["one", "two"].map((name) => [
          name,
          providerAt(origin, protocol, name, { credentials: [`sk-${name}-0123456789`] }),
        ]),
      ),
      models: {
        m: { targets: ["one", "two"].map((provider) => ({ provider, model: "good" })), strategy: "round_robin" },
      },
    }),
  });
  const places = (): string[] => house.upstream.requests.map(({ credential }) => credential.split("-")[1] ?? "");
  for (const isStream of [false, true]) {
    const { text } = await askModel(house.gateway, protocol, { model: "m", isStream });
    const previous_response_id = /"id":"(resp_[^"]+)"/.exec(text)?.[1];
    const from = places().length - 1;
    for (let index = 0; index < 3; index += 1) {
      const response = await fetch(`${house.gateway.url}/responses`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "m", input: "And then?", previous_response_id }),
      });
      expect([response.status, response.ok ? "" : await response.text()]).toEqual([200, ""]);
      await response.arrayBuffer();
    }
    expect(new Set(places().slice(from)).size).toBe(1);
  }
});

test("a response that the gateway keeps is gone on from at its target, turn after turn, plain and streamed", async () => {
  await using house = await startRoutingRig({
    providers: { one: {}, two: {}, three: {} },
    models: { m: { targets: [at("one", "m1"), at("two", "m2"), at("three", "m3")], strategy: "round_robin" } },
  });
  for (const stream of [false, true]) {
    house.forget();
    let previous_response_id: string | undefined;
    for (let turn = 0; turn < 4; turn += 1) {
      const response = await fetch(`${house.gateway.url}/responses`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "m", input: `Turn ${turn}`, stream, previous_response_id }),
      });
      const text = await response.text();
      expect(response.status).toBe(200);
      previous_response_id = /"id":"(resp_[^"]+)"/.exec(text)?.[1];
      expect(previous_response_id).toBeString();
    }
    expect(new Set(house.asked()).size).toBe(1);
  }
});
