import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import { createAffinityMemory } from "../../src/routing/affinity.ts";
import { createPlanner } from "../../src/routing/plan.ts";
import type { Route, Steering } from "../../src/routing/route.ts";
import { thrownBy } from "../support/thrown-by.ts";
import { openaiCompatibleAt } from "./configured.ts";
import { createRig, facts, namesOf, type FactsOptions } from "./rig.ts";

const rig = createRig({
  providers: {
    a: openaiCompatibleAt("http://a.test/v1", { models: ["own"] }),
    b: openaiCompatibleAt("http://b.test/v1"),
    c: openaiCompatibleAt("http://c.test/v1"),
    any: openaiCompatibleAt("http://any.test/v1", { acceptsAnyModel: true }),
  },
  models: {
    m: {
      targets: [
        { provider: "a", model: "a1", priority: 2 },
        { provider: "a", model: "a2" },
        { provider: "b", model: "b1", priority: 5 },
        { provider: "c", model: "c1" },
      ],
      fallbacks: ["n", "o"],
    },
    n: { targets: [{ provider: "c", model: "n1" }] },
    o: {
      targets: [
        { provider: "a", model: "o1" },
        { provider: "b", model: "o2" },
      ],
    },
  },
});
const planner = createPlanner({ affinity: { memory: createAffinityMemory(), ttlMs: 1000 } });

function steered(model: string, steering: Partial<Steering>, options: FactsOptions = {}): Route {
  return rig.table.resolve(model, facts({ ...options, steering }));
}

function lineOf(route: Route): string {
  return planner
    .plan(route.first, facts())
    .inOrder.map(({ upstream, model }) => `${upstream.name}:${model}`)
    .join(" ");
}

function refusalOf(model: string, steering: Partial<Steering>): GatewayError {
  return thrownBy(() => steered(model, steering));
}

describe("a caller who names providers", () => {
  test("gets the model's targets at these, in their order, and within one by priority", () => {
    expect(lineOf(steered("m", { providers: ["b", "a"] }))).toBe("b:b1 a:a2 a:a1");
    expect(lineOf(steered("m", { providers: ["a", "b", "a"] }))).toBe("a:a2 a:a1 b:b1");
    expect(lineOf(steered("m", { providers: [] }))).toBe("a:a2 c:c1 a:a1 b:b1");
  });

  test("is told of in the trail", () => {
    expect(steered("m", { providers: ["b"] }).routedBy).toBe("x-orcestator-provider");
    expect(steered("m", { strategy: "random" }).routedBy).toBeUndefined();
  });

  test("is refused with the names of those that serve the model, where those named do not", () => {
    const error = refusalOf("n", { providers: ["b", "nobody"] });
    expect([error.status, error.code]).toEqual([400, "invalid_request"]);
    expect(error.message).toBe("x-orcestator-provider: b, nobody does not serve the model 'n'; it is served by c.");
    expect(lineOf(steered("m", { providers: ["nobody", "c"] }))).toBe("c:c1");
  });

  test("gets a name that is no alias at a provider that takes any, or offers it", () => {
    expect(lineOf(steered("x/y", { providers: ["any"] }))).toBe("any:x/y");
    rig.listed = { b: { listed: {} } };
    expect(lineOf(steered("listed", { providers: ["b", "any"] }))).toBe("b:listed any:listed");
    expect(lineOf(steered("listed", { providers: ["any", "b"] }))).toBe("any:listed b:listed");
    expect(refusalOf("listed", { providers: ["a", "c"] }).message).toEndWith("it is served by any, b.");
    rig.listed = {};
    expect(lineOf(steered("a/own", { providers: ["a"] }))).toBe("a:own");
  });

  test("gets a 404 for a name that nobody serves", () => {
    const closed = createRig({ providers: { a: openaiCompatibleAt("http://a.test/v1") } });
    const about = facts({ steering: { providers: ["a"] } });
    expect(() => closed.table.resolve("x", about)).toThrow("is not served here");
  });

  test("gets fallbacks at these providers only", () => {
    const stages = steered("m", { providers: ["b"] }).fallbacks("failed");
    expect(stages.map(({ model, targets }) => `${model} ${namesOf(targets)}`)).toEqual(["o b"]);
  });

  test("gets the other models of a list where the first is not served there", () => {
    const route = steered("n", { providers: ["b"] }, { body: { models: ["m"] } });
    expect([lineOf(route), route.routedBy]).toEqual(["b:b1", "models, x-orcestator-provider"]);
  });
});

describe("a caller who names a strategy", () => {
  test("gets the model's targets by it", () => {
    const { first } = steered("o", { strategy: "round_robin" });
    expect(first.strategy).toBe("round_robin");
    expect(rig.stage("o").strategy).toBe("priority");
    expect([1, 2, 3].map(() => lineOf(steered("o", { strategy: "round_robin" })).slice(0, 1))).toEqual(["a", "b", "a"]);
  });
});

test("a caller who only names a time gets the route of everybody", () => {
  expect(steered("m", { timeoutMs: 5, retries: 1, priority: 9 })).toBe(rig.table.resolve("m", facts()));
});
