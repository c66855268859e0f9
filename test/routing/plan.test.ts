import { describe, expect, test } from "bun:test";
import { strategies } from "../../src/config/schema-routing.ts";
import { createAffinityMemory } from "../../src/routing/affinity.ts";
import { createPlanner, type PlannerOptions } from "../../src/routing/plan.ts";
import type { Plan, Planner, RequestFacts, Stage } from "../../src/routing/route.ts";
import type { Target } from "../../src/routing/target.ts";
import { createRandom } from "../support/random.ts";
import { breakTarget, cool, doubt, facts, namesOf, refuse, rigOf, targetAt, type Rig } from "./rig.ts";

interface Planned {
  rig: Rig;
  stage: Stage;
  planner: Planner;
  plan: (facts?: RequestFacts) => Plan;
  /** "in order | last resort" */
  line: (facts?: RequestFacts) => string;
  at: (provider: string) => Target;
}

function lineOf({ inOrder, lastResort }: Plan): string {
  return `${namesOf(inOrder)} | ${namesOf(lastResort)}`.trim();
}

function planned(
  targets: readonly Record<string, unknown>[],
  model: Record<string, unknown> = {},
  options: Partial<PlannerOptions> = {},
): Planned {
  const rig = rigOf(targets, model);
  const stage = rig.stage("m");
  const memory = createAffinityMemory({ now: () => rig.now });
  const planner = createPlanner({
    affinity: { memory, ttlMs: 3_600_000 },
    findFacts: rig.findFacts,
    priceOf: rig.priceOf,
    random: createRandom(3),
    ...options,
  });
  const plan: Planned["plan"] = (asked = facts()) => planner.plan(stage, asked);
  return {
    rig,
    stage,
    planner,
    plan,
    line: (asked) => lineOf(plan(asked)),
    at: (provider) => targetAt(stage, provider),
  };
}

describe("a plan", () => {
  test("has lower priorities first, and within one those that are healthy", () => {
    const { line, at } = planned([{ priority: 2 }, { priority: 1 }, { priority: 1 }, { priority: 2 }]);
    expect(line()).toBe("b c a d |");
    doubt(at("b"));
    doubt(at("a"));
    expect(line()).toBe("c b d a |");
  });

  test("takes a target's priority before its provider's", () => {
    const { line } = planned([
      { provider: { priority: 3 } },
      { provider: { priority: 2 } },
      { provider: { priority: 9 }, priority: 0 },
    ]);
    expect(line()).toBe("c b a |");
  });

  test("has weight 0 behind all others of its group, and before the next group", () => {
    const { line, at } = planned([{ weight: 0 }, {}, { priority: 2 }, {}], { strategy: "round_robin" });
    expect(line()).toBe("b d a c |");
    doubt(at("b"));
    doubt(at("d"));
    expect(line()).toBe("d b a c |");
  });

  test("keeps blocked targets for the last resort, the soonest usable one first", () => {
    const { line, at, rig } = planned([{}, { provider: { credentials: ["k1", "k2"] } }, {}, {}]);
    breakTarget(at("a"));
    expect(line()).toBe("b c d | a");
    const [one, two] = at("b").upstream.credentials.credentials;
    if (one === undefined || two === undefined) throw new Error("no credentials");
    cool(one, "b1", 300);
    expect(line()).toBe("b c d | a");
    cool(two, "b1", 2);
    expect(line()).toBe("c d | b a");
    rig.now += 3000;
    expect(line()).toBe("b c d | a");
  });

  test("is all last resort when everything is blocked", () => {
    const { line, plan, at } = planned([{}, { priority: 2 }]);
    breakTarget(at("a"));
    breakTarget(at("b"));
    expect(line()).toBe("| a b");
    expect(plan().inOrder).toEqual([]);
  });

  test("tries a target whose circuit may close first, with one request", () => {
    const { line, at, rig } = planned([{}, {}, { weight: 0 }]);
    breakTarget(at("b"));
    breakTarget(at("c"));
    expect(line()).toBe("a | b c");
    rig.now += 6000;
    expect(line()).toBe("b a c |");
    const probe = at("b").health.begin();
    expect(probe.isProbe).toBe(true);
    expect(line()).toBe("a c | b");
    probe.end("ok");
    expect(line().startsWith("b a")).toBe(true);
  });

  test("of one target is that target, usable or not", () => {
    const { line, at, plan } = planned([{ provider: { credentials: ["k1"] } }]);
    expect(line()).toBe("a |");
    expect(plan().explain()).toEqual([
      { provider: "a", model: "a1", state: "healthy", score: undefined, skipped: undefined },
    ]);
    const [credential] = at("a").upstream.credentials.credentials;
    if (credential === undefined) throw new Error("no credential");
    refuse(credential, "a1");
    expect(line()).toBe("| a");
    expect(plan().explain()).toMatchObject([{ skipped: "all its credentials are refused or cooling" }]);
  });

  test("is explained as it was made, however health goes on", () => {
    const { plan, at } = planned([{}, {}, { weight: 2 }], { strategy: "least_used" });
    at("a").health.begin();
    breakTarget(at("b"));
    const made = plan();
    breakTarget(at("c"));
    at("a").health.begin();
    expect(made.explain()).toEqual([
      { provider: "c", model: "c1", state: "healthy", score: 0, skipped: undefined },
      { provider: "a", model: "a1", state: "healthy", score: 1, skipped: undefined },
      { provider: "b", model: "b1", state: "unhealthy", score: 0, skipped: "its circuit is open" },
    ]);
    expect(made.explain()).not.toBe(made.explain());
  });

  test("follows the weights over many requests", () => {
    const { plan } = planned([{ weight: 3 }, { weight: 1 }], { strategy: "weighted" });
    let first = 0;
    for (let count = 0; count < 10_000; count += 1) if (plan().inOrder[0]?.upstream.name === "a") first += 1;
    // 4.4 standard deviations
    expect(Math.abs(first - 7500)).toBeLessThan(190);
  });

  test("goes round for each stage by itself", () => {
    const { rig, planner, stage } = planned([{}, {}], { strategy: "round_robin" });
    const other: Stage = { ...rig.stage("m") };
    const firstOf = (of: Stage): string => planner.plan(of, facts()).inOrder[0]?.upstream.name ?? "";
    expect([firstOf(stage), firstOf(stage), firstOf(other), firstOf(stage), firstOf(other)].join("")).toBe("abaab");
  });
});

function listing(): Planned {
  const made = planned([{}, {}, {}]);
  made.rig.listed = {
    a: { a1: { capabilities: { tools: false, vision: false, reasoning: false }, contextLength: 100 } },
    b: { b1: { capabilities: { tools: true, vision: false, reasoning: false }, contextLength: 10_000 } },
  };
  return made;
}

describe("targets that lack what a request needs", () => {
  const tools = { tools: [{ type: "function", function: { name: "f" } }], messages: [] };
  const picture = { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] };

  test("are left out, with the reason", () => {
    const { line, plan } = listing();
    expect(line(facts({ body: tools }))).toBe("b c |");
    expect(plan(facts({ body: tools })).explain()).toMatchObject([
      { provider: "b", skipped: undefined },
      { provider: "c", skipped: undefined },
      { provider: "a", skipped: "it knows no tools" },
    ]);
    expect(line(facts({ body: picture }))).toBe("c |");
    const long = facts({ body: { messages: [{ role: "user", content: "long ".repeat(200) }] } });
    expect(line(long)).toBe("b c |");
    expect(plan(long).explain().at(-1)).toMatchObject({ skipped: "its context of 100 tokens is too small" });
    expect(line(facts({ body: { messages: [] } }))).toBe("a b c |");
  });

  test("are left out of the last resort too", () => {
    const { line, at } = listing();
    breakTarget(at("a"));
    expect(line(facts({ body: tools }))).toBe("b c |");
  });

  test("are better than nothing", () => {
    const { line, at } = listing();
    breakTarget(at("c"));
    expect(line(facts({ body: picture }))).toBe("a b | c");
  });

  test("are no lack where the request needs nothing of it", () => {
    const { line } = listing();
    expect(line(facts({ body: { tools: [], messages: [] } }))).toBe("a b c |");
  });
});

const session = (id: string, keyId = "key-1"): RequestFacts => facts({ headers: { "x-session-id": id }, keyId });

function keepAt(made: Planned, provider: string, asked: RequestFacts, place = 0): void {
  const target = made.at(provider);
  const credential = target.upstream.credentials.credentials[place];
  if (credential === undefined) throw new Error("no credential");
  made.planner.keep(made.stage, asked, { target, credential });
}

describe("affinity", () => {
  const three = [{ provider: { credentials: ["k1", "k2"] } }, { provider: { credentials: ["k3", "k4"] } }, {}];

  test("puts the target and the credential that answered before to the front", () => {
    const made = planned(three);
    expect(made.plan(session("s")).affinity).toBeUndefined();
    keepAt(made, "b", session("s"), 1);
    const plan = made.plan(session("s"));
    expect(lineOf(plan)).toBe("b a c |");
    expect(plan.credential?.label).toStartWith("#2");
    expect(plan.affinity).toBe("kept");
    expect(plan.explain().map(({ provider }) => provider)).toEqual(["b", "a", "c"]);
  });

  test("is of one session, key and model", () => {
    const made = planned(three);
    keepAt(made, "b", session("s"));
    expect(made.line(session("other"))).toBe("a b c |");
    expect(made.line(session("s", "key-2"))).toBe("a b c |");
    expect(lineOf(made.planner.plan({ ...made.stage, model: "n" }, session("s")))).toBe("a b c |");
    expect(made.line(facts())).toBe("a b c |");
  });

  test("holds for degraded targets, too", () => {
    const made = planned([{}, {}]);
    keepAt(made, "b", session("s"));
    doubt(made.at("b"));
    expect(made.line(session("s"))).toBe("b a |");
  });

  test("comes back to a better group that is usable again, and is first in its own group", () => {
    const made = planned([{}, { priority: 2 }, { priority: 2 }, { priority: 3 }]);
    keepAt(made, "c", session("s"));
    const plan = made.plan(session("s"));
    expect([lineOf(plan), plan.affinity, plan.credential]).toEqual(["a c b d |", "moved", undefined]);
    doubt(made.at("a"));
    expect(made.line(session("s"))).toBe("a c b d |");
    breakTarget(made.at("a"));
    const meanwhile = made.plan(session("s"));
    expect([lineOf(meanwhile), meanwhile.affinity]).toEqual(["c b d | a", "kept"]);
    expect(meanwhile.credential?.label).toBe("none");
    made.rig.now += 6000;
    expect(made.line(session("s"))).toBe("a c b d |");
  });

  test("comes back from one that stands in only where nothing else is left", () => {
    const made = planned([{}, { weight: 0 }]);
    keepAt(made, "b", session("s"));
    expect([made.line(session("s")), made.plan(session("s")).affinity]).toEqual(["a b |", "moved"]);
    breakTarget(made.at("a"));
    expect([made.line(session("s")), made.plan(session("s")).affinity]).toEqual(["b | a", "kept"]);
  });

  test("gives way to a blocked target, a blocked credential, a credential that is gone, and a lack", () => {
    const broken = planned(three);
    keepAt(broken, "b", session("s"));
    breakTarget(broken.at("b"));
    expect([broken.line(session("s")), broken.plan(session("s")).affinity]).toEqual(["a c | b", "moved"]);

    const cooling = planned(three);
    keepAt(cooling, "b", session("s"));
    const [credential] = cooling.at("b").upstream.credentials.credentials;
    if (credential !== undefined) cool(credential, "b1", 10);
    const plan = cooling.plan(session("s"));
    expect([lineOf(plan), plan.affinity, plan.credential]).toEqual(["a b c |", "moved", undefined]);
    cooling.rig.now += 11_000;
    expect(cooling.plan(session("s")).affinity).toBe("kept");

    const lacking = planned(three);
    keepAt(lacking, "b", session("s"));
    lacking.rig.listed = { b: { b1: { contextLength: 10 } } };
    const long = facts({ headers: { "x-session-id": "s" }, body: { messages: ["x".repeat(100)] } });
    expect([lacking.line(long), lacking.plan(long).affinity]).toEqual(["a c |", "moved"]);
  });

  test("outlives a reload, and finds the targets of the day by name", () => {
    const rig = rigOf(three);
    const memory = createAffinityMemory({ now: () => rig.now });
    const affinity = { memory, ttlMs: 60_000 };
    const target = targetAt(rig.stage("m"), "b");
    const credential = target.upstream.credentials.credentials[1];
    if (credential === undefined) throw new Error("no credential");
    createPlanner({ affinity }).keep(rig.stage("m"), session("s"), { target, credential });

    const same = rigOf(three);
    const plan = createPlanner({ affinity }).plan(same.stage("m"), session("s"));
    expect([lineOf(plan), plan.credential?.label]).toEqual(["b a c |", credential.label]);
    expect(plan.inOrder[0]).not.toBe(target);

    const other = rigOf([three[0] ?? {}, { provider: { credentials: ["new"] } }, {}]);
    const moved = createPlanner({ affinity }).plan(other.stage("m"), session("s"));
    expect([lineOf(moved), moved.affinity]).toEqual(["a b c |", "moved"]);
    const off = rigOf([{}, { provider: { enabled: false } }, {}]);
    expect(lineOf(createPlanner({ affinity }).plan(off.stage("m"), session("s")))).toBe("a c |");
  });

  test("ends a while after its last use", () => {
    const made = planned(three);
    keepAt(made, "b", session("s"));
    for (let count = 0; count < 3; count += 1) {
      made.rig.now += 3_000_000;
      expect(made.line(session("s"))).toBe("b a c |");
    }
    made.rig.now += 3_600_001;
    expect(made.line(session("s"))).toBe("a b c |");
  });

  test("is off where the model says so", () => {
    const made = planned(three, { affinity: "off" });
    keepAt(made, "b", session("s"));
    expect(made.line(session("s"))).toBe("a b c |");
  });

  test("chooses the credential of an only target", () => {
    const made = planned([{ provider: { credentials: ["k1", "k2"] } }]);
    keepAt(made, "a", session("s"), 1);
    const plan = made.plan(session("s"));
    expect([plan.credential?.label.slice(0, 2), plan.affinity]).toEqual(["#2", "kept"]);
    const [, credential] = made.at("a").upstream.credentials.credentials;
    if (credential !== undefined) refuse(credential, "a1");
    expect([made.plan(session("s")).credential, made.plan(session("s")).affinity]).toEqual([undefined, "moved"]);
  });

  test("remembers nothing where there is nothing to choose", () => {
    const rig = rigOf([{ provider: { credentials: ["k1"] } }]);
    const memory = createAffinityMemory();
    const planner = createPlanner({ affinity: { memory, ttlMs: 1000 } });
    const target = targetAt(rig.stage("m"), "a");
    const [credential] = target.upstream.credentials.credentials;
    if (credential !== undefined) planner.keep(rig.stage("m"), session("s"), { target, credential });
    expect(memory.size()).toBe(0);
  });

  test("keeps to who made the response that a request goes on from", () => {
    const made = planned(three);
    const target = made.at("b");
    const [credential] = target.upstream.credentials.credentials;
    if (credential === undefined) throw new Error("no credential");
    made.planner.keep(made.stage, facts(), { target, credential, responseId: "resp_1" });
    const next = facts({ body: { input: "go on", previous_response_id: "resp_1" } });
    expect(made.line(next)).toBe("b a c |");
    expect(made.line(facts({ body: { previous_response_id: "resp_2" } }))).toBe("a b c |");
  });

  test("keeps to who made that response whatever the priority and the session: nobody else may know it", () => {
    const made = planned([{}, { priority: 2 }, {}]);
    const target = made.at("b");
    const [credential] = target.upstream.credentials.credentials;
    if (credential === undefined) throw new Error("no credential");
    const headers = { "session-id": "s" };
    made.planner.keep(made.stage, facts({ headers }), { target, credential, responseId: "resp_1" });
    keepAt(made, "c", facts({ headers }));
    const next = facts({ headers, body: { prompt_cache_key: "app", previous_response_id: "resp_1" } });
    expect([made.line(next), made.plan(next).affinity]).toEqual(["b a c |", "kept"]);
    expect(made.line(facts({ headers }))).toBe("c a b |");
    breakTarget(target);
    expect([made.line(next), made.plan(next).affinity]).toEqual(["a c | b", "moved"]);
  });

  test("keeps requests that begin alike together, where prompts count", () => {
    const made = planned(three, { affinity: "prompt" });
    const first = { role: "user", content: "Hello" };
    keepAt(made, "b", facts({ body: { messages: [first] } }));
    const later = { messages: [first, { role: "assistant", content: "Hi" }, { role: "user", content: "More" }] };
    expect(made.line(facts({ body: later }))).toBe("b a c |");
    expect(made.line(facts({ body: { messages: [{ role: "user", content: "Other" }] } }))).toBe("a b c |");
  });
});

describe("whatever states the targets are in", () => {
  const random = createRandom(20_260);
  const below = (limit: number): number => Math.floor(random() * limit);

  function disturb({ stage, rig }: Planned): void {
    for (const target of stage.targets) {
      const [credential, second] = target.upstream.credentials.credentials;
      const what = below(9);
      if (what === 0) breakTarget(target);
      else if (what === 1) doubt(target);
      else if (what === 2 && credential !== undefined) refuse(credential, target.model);
      else if (what === 3 && second !== undefined) cool(second, target.model, 1 + below(20));
      else if (what === 4) target.health.begin();
      else if (what === 5) target.health.begin().end("ok");
      else if (what === 6) rig.now += below(20_000);
    }
  }

  function anyTarget(): Record<string, unknown> {
    const credentials = ["k1", "k2"].slice(0, below(3));
    return { weight: below(4), priority: below(3), provider: { credentials } };
  }

  for (const strategy of strategies) {
    test(`every target is planned, kept for the last resort or skipped, and once: ${strategy}`, () => {
      for (let round = 0; round < 60; round += 1) {
        const made = planned(Array.from({ length: 1 + below(6) }, anyTarget), { strategy });
        made.rig.listed = { a: { a1: { contextLength: 200 } }, c: { c1: { contextLength: 5 } } };
        for (let step = 0; step < 8; step += 1) {
          disturb(made);
          const asked = facts({ headers: { "x-session-id": `s${below(3)}` }, body: { x: "y".repeat(below(1500)) } });
          const plan = made.plan(asked);
          const line = [...plan.inOrder, ...plan.lastResort];
          expect(new Set(line).size).toBe(line.length);
          const told = plan.explain();
          expect(told.map(({ provider }) => provider).sort()).toEqual(
            made.stage.targets.map(({ upstream }) => upstream.name).sort(),
          );
          const skipped = told.filter((one) => one.skipped !== undefined);
          expect(skipped.length).toBe(made.stage.targets.length - plan.inOrder.length);
          expect(line.length).toBeGreaterThan(0);
          for (const target of plan.inOrder) expect(target.health.isBlocked()).toBe(false);
          const [first] = plan.inOrder;
          const [credential] = first?.upstream.credentials.credentials ?? [];
          if (first !== undefined && credential !== undefined)
            made.planner.keep(made.stage, asked, { target: first, credential });
        }
      }
    });
  }
});
