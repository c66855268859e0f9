import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { failure, hangBeforeHeaders, okJson } from "../support/replies.ts";
import { clients, post } from "./translation-clients.ts";
import { adminToken, at, startRoutingRig, type Fields, type RoutingRig } from "./routing-rig.ts";

const key = "client-key-0001";
const withKey = { authorization: `Bearer ${key}` };
const asAdmin = { authorization: `Bearer ${adminToken}` };
const policies = ["none", "admin", "keys", "all"] as const;

const providers = {
  one: { models: ["own"], aliases: { shared: "one-shared" } },
  two: { retries: 3, aliases: { shared: "two-shared" } },
  three: { type: "openrouter", acceptsAnyModel: true },
};
const models = {
  m: { targets: [at("one", "m1"), at("two", "m2"), at("three", "m3")], fallbacks: ["n"] },
  n: { targets: [at("one", "n1"), at("two", "n2")] },
};

function startHouse(config: Fields, isOpen = false): Promise<RoutingRig> {
  return startRoutingRig({
    providers,
    models,
    config: { keys: { ...(isOpen ? {} : { inbound: [key] }), ...config } },
  });
}
const [none, admin, keys, all] = await Promise.all([
  startHouse({ overrides: "none" }),
  startHouse({ overrides: "admin" }),
  startHouse({ overrides: "keys" }),
  startHouse({ overrides: "all" }, true),
]);
const byPolicy = { none, admin, keys, all };
const rigs = [none, admin, keys, all];
beforeEach(() => {
  for (const { upstream, forget } of rigs) {
    upstream.clear();
    forget();
  }
});
afterAll(() => Promise.all(rigs.map((rig) => rig[Symbol.asyncDispose]())));

const toTwo = { "x-orcestator-provider": "two" };

/** Where a request for `m` went. */
async function wentTo(rig: RoutingRig, headers: Record<string, string>): Promise<string> {
  const { status, text } = await rig.ask("m", {}, { headers });
  expect([status, status === 200 ? "" : text]).toEqual([200, ""]);
  return rig.asked().join();
}

describe("who may steer", () => {
  const mayWithKey = { none: false, admin: false, keys: true, all: true };
  const mayAsAdmin = { none: false, admin: true, keys: true, all: true };
  test.each([...policies])("keys.overrides: %s", async (policy) => {
    expect(await wentTo(byPolicy[policy], { ...withKey, ...toTwo })).toBe(mayWithKey[policy] ? "two/m2" : "one/m1");
    expect(await wentTo(byPolicy[policy], { ...asAdmin, ...toTwo })).toBe(mayAsAdmin[policy] ? "two/m2" : "one/m1");
  });

  test("keys.overrides: all lets callers without a key too", async () => {
    expect(await wentTo(all, toTwo)).toBe("two/m2");
  });

  test("from whom it is not taken, a header that makes no sense does no harm", async () => {
    expect(await wentTo(none, { ...withKey, "x-orcestator-retries": "many" })).toBe("one/m1");
  });
});

const steered = (value: string) => wentTo(keys, { ...withKey, "x-orcestator-provider": value });

describe("x-orcestator-provider", () => {
  test("names the providers to try, in order, and no other", async () => {
    expect(await steered("three, one")).toBe("three/m3");
    keys.upstream.otherwise(failure(503));
    const { status } = await keys.ask("m", {}, { headers: { ...withKey, "x-orcestator-provider": "three,one" } });
    expect(status).toBe(503);
    expect(keys.asked()).toEqual(["three/m3", "one/m1", "one/n1"]);
  });

  test("also for names that are only a provider's own", async () => {
    const headers = { ...withKey, ...toTwo };
    expect((await keys.ask("shared", {}, { headers })).status).toBe(200);
    expect(keys.asked()).toEqual(["two/two-shared"]);
  });

  test("that does not serve the model is a 400 with those that do", async () => {
    const headers = { ...withKey, "x-orcestator-provider": "two" };
    const { status, message } = await keys.ask("own", {}, { headers });
    expect(status).toBe(400);
    expect(message).toContain("two does not serve the model 'own'");
    expect(message).toContain("one");
    expect(keys.asked()).toEqual([]);
  });

  test("that nobody has is a 400 too", async () => {
    const { status, message } = await keys.ask("m", {}, { headers: { ...withKey, "x-orcestator-provider": "four" } });
    expect([status, message]).toEqual([400, expect.stringContaining("four")]);
  });

  test("is told in the story", async () => {
    const { id } = await keys.ask("m", {}, { headers: { ...withKey, ...toTwo } });
    const view = (await (await keys.admin(`/api/requests/${id}`)).json()) as { decisions: Fields };
    expect(view.decisions).toMatchObject({ routedBy: "x-orcestator-provider", model: "m" });
  });
});

test("x-orcestator-strategy takes the place of the model's", async () => {
  const headers = { ...withKey, "x-orcestator-strategy": "round_robin" };
  for (let index = 0; index < 3; index += 1) await keys.ask("m", {}, { headers });
  expect(keys.asked()).toEqual(["one/m1", "two/m2", "three/m3"]);
  await keys.ask("m", {}, { headers: withKey });
  expect(keys.asked()).toEqual(["one/m1"]);
});

test("x-orcestator-timeout is the time for all of it", async () => {
  keys.upstream.set("m1", hangBeforeHeaders);
  const from = performance.now();
  const headers = { ...withKey, "x-orcestator-timeout": "200ms" };
  const { status, message } = await keys.ask("m", {}, { headers });
  expect(performance.now() - from).toBeWithin(190, 1500);
  expect([status, message]).toEqual([503, expect.stringContaining("200 ms")]);
  // The time was for all of it: no other target has any.
  expect(keys.asked()).toEqual(["one/m1"]);
});

test("x-orcestator-retries takes the place of the provider's", async () => {
  keys.upstream.set("m2", failure(500));
  keys.upstream.set("n2", failure(500));
  await keys.ask("m", {}, { headers: { ...withKey, ...toTwo, "x-orcestator-retries": "0" } });
  expect(keys.asked()).toEqual(["two/m2", "two/n2"]);
  await keys.ask("m", {}, { headers: { ...withKey, ...toTwo, "x-orcestator-retries": "1" } });
  expect(keys.asked()).toEqual(["two/m2", "two/m2", "two/n2", "two/n2"]);
});

describe("a value that makes no sense is a 400 in the client's own words", () => {
  const wrong = {
    "x-orcestator-strategy": "fastest",
    "x-orcestator-timeout": "soon",
    "x-orcestator-retries": "many",
    "x-orcestator-priority": "urgent",
  };
  for (const client of clients)
    test(client.name, async () => {
      for (const [name, value] of Object.entries(wrong)) {
        const response = await post(keys.gateway, client, {
          path: client.path("m", true),
          body: client.body({ model: "m", isStream: true }),
          headers: { ...withKey, [name]: value },
        });
        expect([name, response.status]).toEqual([name, 400]);
        expect(client.errorOf(await response.json(), 400).message).toContain(name);
      }
      expect(keys.asked()).toEqual([]);
    });

  test("of requests that are no conversations too", async () => {
    for (const [path, fields] of [
      ["/embeddings", { input: "Hello" }],
      ["/images/generations", { prompt: "A cat" }],
      ["/responses/input_tokens", { input: "Hello" }],
    ] as const) {
      const headers = { ...withKey, "x-orcestator-retries": "many" };
      const { status, message } = await keys.ask("m", { ...fields, messages: undefined }, { headers, path });
      expect([path, status, message]).toEqual([path, 400, expect.stringContaining("x-orcestator-retries")]);
    }
  });
});

test("no steering header goes upstream", async () => {
  const headers = { ...withKey, ...toTwo, "x-orcestator-strategy": "random", "x-orcestator-priority": "high" };
  await keys.ask("m", {}, { headers });
  const names = Object.keys(keys.upstream.requests[0]?.headers ?? {});
  expect(names.filter((name) => name.startsWith("x-orcestator") && name !== "x-orcestator-hops")).toEqual([]);
});

const askedFor = (fields: Fields, model?: string) => keys.ask(model, fields, { headers: withKey });

const body = () => keys.upstream.requests.at(-1)?.json ?? {};

describe("OpenRouter's list of models", () => {
  test("of names that are all OpenRouter's own goes there untouched", async () => {
    const sent = { models: ["vendor/a", "vendor/b"], route: "fallback" };
    expect((await askedFor(sent, "vendor/a")).status).toBe(200);
    expect(keys.asked()).toEqual(["three/vendor/a"]);
    expect(body()).toMatchObject(sent);
  });

  test("with names of ours is gone through here, and is not sent upstream", async () => {
    keys.upstream.set("m1", failure(404));
    keys.upstream.set("m2", failure(404));
    keys.upstream.set("m3", failure(404));
    const sent = { models: ["m", "n", "vendor/b"], route: "fallback", temperature: 0.5 };
    const { status, text } = await askedFor(sent);
    expect([status, (JSON.parse(text) as Fields)["model"]]).toEqual([200, "m"]);
    expect(keys.asked()).toEqual(["one/m1", "two/m2", "three/m3", "one/n1"]);
    for (const { json } of keys.upstream.requests) {
      expect(json).toMatchObject({ temperature: 0.5 });
      expect(Object.keys(json ?? {})).not.toContain("models");
      expect(Object.keys(json ?? {})).not.toContain("route");
    }
  });

  test("comes behind the model that is asked for, and before its own fallbacks", async () => {
    keys.upstream.otherwise(failure(404));
    keys.upstream.set("n2", okJson());
    expect((await askedFor({ models: ["own", "m"] }, "m")).status).toBe(200);
    expect(keys.asked()).toEqual(["one/m1", "two/m2", "three/m3", "one/own", "one/n1", "two/n2"]);
  });
});

test("nothing wrong was sent upstream", () => {
  for (const { upstream } of rigs) expect(upstream.violations).toEqual([]);
});
