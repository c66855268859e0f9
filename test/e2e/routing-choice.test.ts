import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { until } from "../support/e2e.ts";
import type { Behaviour } from "../support/exchange.ts";
import { failure, listedModel, modelList, okJson } from "../support/replies.ts";
import { at, startRoutingRig } from "./routing-rig.ts";

const model = (targets: readonly object[], fields: object = {}): object => ({ targets, ...fields });

const lists = {
  models: modelList([
    listedModel("blind", { architecture: { input_modalities: ["text"], output_modalities: ["text"] } }),
    listedModel("clumsy", { supported_parameters: ["temperature"] }),
    listedModel("short", { context_length: 2000, top_provider: { context_length: 2000 } }),
    listedModel("able"),
  ]),
};

const rig = await startRoutingRig({
  upstream: lists,
  providers: {
    one: { aliases: { shared: "one-shared" }, models: ["both"], priority: 2 },
    two: { aliases: { shared: "two-shared" }, models: ["both"] },
    three: {},
    listing: { type: "openrouter", listModels: true, acceptsAnyModel: false },
  },
  models: {
    written: model([at("one", "w1"), at("two", "w2"), at("three", "w3")].map((each) => ({ ...each, priority: 1 }))),
    weighted: model([at("one", "h1", { weight: 3, priority: 1 }), at("two", "h2", { weight: 1, priority: 1 })], {
      strategy: "weighted",
    }),
    turns: model([at("one", "t1", { priority: 1 }), at("two", "t2"), at("three", "t3")], { strategy: "round_robin" }),
    chance: model([at("one", "c1", { priority: 1 }), at("two", "c2")], { strategy: "random" }),
    idle: model([at("one", "i1", { priority: 1 }), at("two", "i2")], { strategy: "least_used" }),
    fast: model([at("one", "f1", { priority: 1 }), at("two", "f2")], { strategy: "lowest_latency" }),
    cheap: model(
      [
        at("one", "p1", { priority: 1 }),
        at("two", "p2", { price: { input: 3, output: 9 } }),
        at("three", "p3", { price: { input: 1, output: 9 } }),
      ],
      { strategy: "cheapest" },
    ),
    groups: model(
      [at("one", "g3", { priority: 7 }), at("two", "g1", { priority: -1 }), at("three", "g2", { priority: 2 })],
      { strategy: "random" },
    ),
    spare: model([at("one", "s1", { weight: 0, priority: 1 }), at("two", "s2")], { strategy: "weighted" }),
    "claude-*": model([at("two", "anthropic/claude-*")]),
    "claude-opus-*": model([at("three", "big/*")]),
    "claude-opus-4": model([at("one", "exact")]),
    eyes: model([at("listing", "blind"), at("listing", "able")]),
    hands: model([at("listing", "clumsy"), at("listing", "able")]),
    room: model([at("listing", "short"), at("listing", "able")]),
    "only-blind": model([at("listing", "blind")]),
    code: model([at("two", "for-code")]),
    long: model([at("two", "for-long")]),
    json: model([at("two", "for-json")]),
    pictures: model([at("two", "for-pictures")]),
    trusted: model([at("two", "for-trusted")]),
  },
  config: {
    server: { anonymous: "loopback" },
    routes: [
      { when: { task: ["code", "fix-*"] }, use: "code" },
      { when: { headers: { "X-Team": "blue-*" }, model: ["written"] }, use: "trusted" },
      { when: { needs: ["vision"], model: ["written"] }, use: "pictures" },
      { when: { needs: ["json"], model: ["written"] }, use: "json" },
      { when: { minTokens: 2000, model: ["written"] }, use: "long" },
    ],
  },
});
const { upstream, ask, asked } = rig;
beforeEach(() => {
  upstream.clear();
  rig.forget();
});
afterAll(() => rig[Symbol.asyncDispose]());

async function places(name: string, count: number): Promise<string[]> {
  for (let index = 0; index < count; index += 1) expect((await ask(name)).status).toBe(200);
  return asked();
}

const picture = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };
const withPicture = { messages: [{ role: "user", content: [{ type: "text", text: "What is it?" }, picture] }] };
const withTools = { tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }] };
const withMuch = { messages: [{ role: "user", content: "word ".repeat(3000) }] };

describe("a strategy", () => {
  test("priority: as they are written", async () => {
    expect(await places("written", 3)).toEqual(["one/w1", "one/w1", "one/w1"]);
  });

  test("weighted: in proportion to the weights", async () => {
    await Promise.all(Array.from({ length: 200 }, () => ask("weighted")));
    const first = asked().filter((place) => place === "one/h1").length;
    // Three of four; five standard deviations to either side.
    expect(first).toBeWithin(150 - 31, 150 + 31);
  });

  test("round_robin: in turn", async () => {
    expect(await places("turns", 6)).toEqual(["one/t1", "two/t2", "three/t3", "one/t1", "two/t2", "three/t3"]);
  });

  test("random: each now and then", async () => {
    expect(new Set(await places("chance", 40)).size).toBe(2);
  });

  test("least_used: where the fewest are at work", async () => {
    const gate = Promise.withResolvers<void>();
    const held: Behaviour = async (exchange) => {
      await gate.promise;
      await okJson()(exchange);
    };
    upstream.set("i1", held);
    upstream.set("i2", held);
    const all = [0, 1, 2, 3].map(() => ask("idle"));
    await until(() => upstream.requests.length === 4, "four requests");
    expect(asked().toSorted()).toEqual(["one/i1", "one/i1", "two/i2", "two/i2"]);
    gate.resolve();
    await Promise.all(all);
  });

  test("lowest_latency: the faster one, once both are known", async () => {
    upstream.set("f1", async (exchange) => {
      await exchange.pause(60);
      await okJson()(exchange);
    });
    await places("fast", 8);
    expect(await places("fast", 5)).toEqual(Array.from({ length: 5 }, () => "two/f2"));
  });

  test("cheapest: the one that costs least, those of unknown price last", async () => {
    upstream.set("p3", [okJson(), failure(503), okJson()]);
    expect(await places("cheap", 2)).toEqual(["three/p3", "three/p3", "two/p2"]);
    upstream.set("p3", failure(503));
    upstream.set("p2", failure(503));
    expect(await places("cheap", 1)).toEqual(["three/p3", "two/p2", "one/p1"]);
  });

  test("is asked within a group only: lower numbers come first, whatever they are", async () => {
    upstream.set("g1", failure(404));
    upstream.set("g2", failure(404));
    expect(await places("groups", 2)).toEqual(["two/g1", "three/g2", "one/g3", "two/g1", "three/g2", "one/g3"]);
  });

  test("never chooses weight 0 while another one works", async () => {
    expect(new Set(await places("spare", 20))).toEqual(new Set(["two/s2"]));
    upstream.set("s2", failure(404));
    expect(await places("spare", 1)).toEqual(["two/s2", "one/s1"]);
  });
});

describe("a name", () => {
  test("is its own model before the wildcard with the longest text, whose star goes upstream", async () => {
    expect(await places("claude-opus-4", 1)).toEqual(["one/exact"]);
    expect(await places("claude-opus-5", 1)).toEqual(["three/big/5"]);
    expect(await places("claude-haiku-5", 1)).toEqual(["two/anthropic/claude-haiku-5"]);
  });

  test("of a wildcard is what the answer says", async () => {
    const { text } = await ask("claude-haiku-5");
    expect((JSON.parse(text) as { model: string }).model).toBe("claude-haiku-5");
  });

  test("that two providers offer goes to the one of the lower priority, and to the other one when that fails", async () => {
    expect(await places("shared", 1)).toEqual(["two/two-shared"]);
    upstream.set("two-shared", failure(404));
    expect(await places("shared", 1)).toEqual(["two/two-shared", "one/one-shared"]);
    upstream.set("both", [failure(404), okJson()]);
    expect(await places("both", 1)).toEqual(["two/both", "one/both"]);
  });

  test("may begin with its provider's", async () => {
    expect(await places("one/both", 1)).toEqual(["one/both"]);
    expect(await places("one/shared", 1)).toEqual(["one/one-shared"]);
  });

  test("that nobody serves is a 404", async () => {
    const { status, message } = await ask("writen");
    expect(status).toBe(404);
    expect(message).toContain("did you mean 'written'?");
    expect(asked()).toEqual([]);
  });
});

describe("a list of names", () => {
  test("is gone through without those that nobody serves", async () => {
    expect((await ask(undefined, { models: ["nobody", "written"] })).status).toBe(200);
    expect(asked()).toEqual(["one/w1"]);
  });

  test("of which nobody serves any is a 404", async () => {
    expect((await ask(undefined, { models: ["nobody", "nothing"] })).status).toBe(404);
    expect(asked()).toEqual([]);
  });
});

test("callers without a key steer nothing unless they are let", async () => {
  await ask("written", {}, { headers: { "x-orcestator-provider": "two", "x-orcestator-retries": "many" } });
  expect(asked()).toEqual(["one/w1"]);
});

describe("a route", () => {
  test("by task takes all names", async () => {
    await ask("written", {}, { headers: { "x-orch-task-kind": "code" } });
    await ask("claude-x", {}, { headers: { "x-orch-task-kind": "fix-typo" } });
    await ask("written", {}, { headers: { "x-orch-task-kind": "prose" } });
    expect(asked()).toEqual(["two/for-code", "two/for-code", "one/w1"]);
  });

  test("by header needs its value", async () => {
    await ask("written", {}, { headers: { "x-team": "blue-7" } });
    await ask("written", {}, { headers: { "x-team": "red" } });
    expect(asked()).toEqual(["two/for-trusted", "one/w1"]);
  });

  test("by needs and by size looks into the request", async () => {
    await ask("written", withPicture);
    await ask("written", { response_format: { type: "json_object" } });
    await ask("written", withMuch);
    await ask("written");
    expect(asked()).toEqual(["two/for-pictures", "two/for-json", "two/for-long", "one/w1"]);
  });

  test("shows the name that was chosen, and says why in the story", async () => {
    const { id, text } = await ask("written", {}, { headers: { "x-orch-task-kind": "code" } });
    expect((JSON.parse(text) as { model: string }).model).toBe("code");
    const view = (await (await rig.admin(`/api/requests/${id}`)).json()) as { decisions: { routedBy: string } };
    expect(view.decisions.routedBy).toBe("routes[0]");
  });
});

describe("a target that lacks what the request needs", () => {
  test("is left out while there is another: pictures, tools, a long prompt", async () => {
    // The lists are asked for in the background.
    await until(async () => {
      await ask("eyes", withPicture);
      return asked().join() === "listing/able";
    }, "the lists are known");
    await ask("eyes");
    await ask("hands", withTools);
    await ask("hands");
    await ask("room", withMuch);
    await ask("room");
    expect(asked()).toEqual(["listing/blind", "listing/able", "listing/clumsy", "listing/able", "listing/short"]);
  });

  test("is asked where there is no other", async () => {
    expect((await ask("only-blind", withPicture)).status).toBe(200);
    expect(asked()).toEqual(["listing/blind"]);
  });
});

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));
