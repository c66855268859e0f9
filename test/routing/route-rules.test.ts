import { describe, expect, test } from "bun:test";
import type { RequestFacts } from "../../src/routing/route.ts";
import { createRouteRules } from "../../src/routing/route-rules.ts";
import { configured } from "./configured.ts";
import { facts, type FactsOptions } from "./rig.ts";

function pathFor(whens: readonly object[], options: FactsOptions = {}, model = "m"): string | undefined {
  const { routes } = configured({ routes: whens.map((when) => ({ when, use: "other" })) });
  return createRouteRules(routes).find(model, facts(options))?.path;
}

function ofSize(characters: number): FactsOptions {
  return { text: `{"m":"${"x".repeat(characters - 8)}"}` };
}

describe("a rule holds", () => {
  test("when everything does that it says, and the first of several counts", () => {
    const whens = [{ model: "x" }, { task: "code", headers: { "x-team": "a*" } }, { headers: { "x-team": "*" } }, {}];
    expect(pathFor(whens, { headers: { "x-orch-task-kind": "code", "x-team": "abc" } })).toBe("routes[1]");
    expect(pathFor(whens, { headers: { "x-orch-task-kind": "code", "x-team": "b" } })).toBe("routes[2]");
    expect(pathFor(whens, { headers: { "x-orch-task-kind": "code" } })).toBe("routes[3]");
    expect(pathFor([{ model: "x" }])).toBeUndefined();
  });

  test("for any of several names, tasks or keys, with stars", () => {
    expect(pathFor([{ model: ["gpt-*", "o?"] }], {}, "gpt-4")).toBe("routes[0]");
    expect(pathFor([{ model: ["gpt-*", "o3"] }], {}, "o3")).toBe("routes[0]");
    expect(pathFor([{ model: ["gpt-*", "o3"] }], {}, "claude")).toBeUndefined();
    expect(pathFor([{ task: ["code*", "plan"] }], { headers: { "X-Orch-Task-Kind": "coder" } })).toBe("routes[0]");
    expect(pathFor([{ keys: ["key-1", "anonymous"] }], { keyId: "anonymous" })).toBe("routes[0]");
    expect(pathFor([{ keys: ["key-1"] }], { keyId: "key-12" })).toBeUndefined();
  });

  test("by header names of any case, and values exactly as they are", () => {
    expect(pathFor([{ headers: { "X-Team": "Red" } }], { headers: { "x-TEAM": "Red" } })).toBe("routes[0]");
    expect(pathFor([{ headers: { "X-Team": "Red" } }], { headers: { "x-team": "red" } })).toBeUndefined();
  });

  test("not for a header that is not there, whatever may stand in it", () => {
    expect(pathFor([{ headers: { "x-team": "*" } }])).toBeUndefined();
    expect(pathFor([{ task: "*" }])).toBeUndefined();
    expect(pathFor([{ task: "*" }], { headers: { "x-orch-task-kind": "" } })).toBe("routes[0]");
  });

  test("by the size of the prompt, both bounds among it", () => {
    const when = { minTokens: 100, maxTokens: 200 };
    expect(pathFor([when], ofSize(396))).toBeUndefined();
    expect(pathFor([when], ofSize(400))).toBe("routes[0]");
    expect(pathFor([when], ofSize(800))).toBe("routes[0]");
    expect(pathFor([when], ofSize(801))).toBeUndefined();
  });

  test("by all that the request needs", () => {
    const body = { tools: [{}], response_format: { type: "json_object" } };
    expect(pathFor([{ needs: ["tools", "json"] }], { body })).toBe("routes[0]");
    expect(pathFor([{ needs: ["tools", "vision"] }], { body })).toBeUndefined();
  });
});

test("the body is looked into only for a rule whose other conditions hold", () => {
  const asked: string[] = [];
  const watched: RequestFacts = {
    ...facts(),
    headers: new Headers(),
    keyId: "key-1",
    promptTokens: () => asked.push("size"),
    needs() {
      asked.push("needs");
      return { tools: true, vision: false, json: false };
    },
  };
  const { routes } = configured({
    routes: [
      { when: { minTokens: 1, needs: ["tools"], model: "other" }, use: "x" },
      { when: { needs: ["vision"], task: "code" }, use: "x" },
      { when: { minTokens: 5, keys: "key-1" }, use: "x" },
      { when: { keys: "key-1" }, use: "y" },
    ],
  });
  expect(createRouteRules(routes).find("m", watched)?.use).toBe("y");
  expect(asked).toEqual(["size"]);
});
