import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../../src/config/config-error.ts";
import { detectSystem, importConfig } from "../../../src/config/import/import-config.ts";
import type { Converted } from "../../../src/config/import/findings.ts";
import { convertLitellm } from "../../../src/config/import/litellm.ts";
import { convertLlmOrch } from "../../../src/config/import/llm-orch.ts";
import { convertOrchestrationApi } from "../../../src/config/import/orchestration-api.ts";
import { createRandom } from "../../support/random.ts";
import { configFolder } from "../folder.ts";
import { loaded, refusal } from "./converted.ts";

type Random = () => number;

const fixtures = join(import.meta.dir, "../../fixtures/import");
const litellmSample: unknown = Bun.YAML.parse(readFileSync(join(fixtures, "litellm.yaml"), "utf8"));
const groupsSample: unknown = JSON.parse(readFileSync(join(fixtures, "groups_config.json"), "utf8"));
const orchProviders: unknown = Bun.TOML.parse(readFileSync(join(fixtures, "llm-orch/providers.toml"), "utf8"));
const orchRouter: unknown = Bun.YAML.parse(readFileSync(join(fixtures, "llm-orch/router.yaml"), "utf8"));

const origin = "file source" as const;
const converters: Readonly<Record<string, (source: unknown) => Converted>> = {
  litellm: (source) => convertLitellm(source, { origin }),
  "orchestration-api": (source) => convertOrchestrationApi(source, { origin }),
  "llm-orch providers": (providers) =>
    convertLlmOrch({ providers, router: orchRouter }, { providersOrigin: origin, routerOrigin: origin }),
  "llm-orch router": (router) =>
    convertLlmOrch({ providers: orchProviders, router }, { providersOrigin: origin, routerOrigin: origin }),
};
const samples: Readonly<Record<string, unknown>> = {
  litellm: litellmSample,
  "orchestration-api": groupsSample,
  "llm-orch providers": orchProviders,
  "llm-orch router": orchRouter,
};

/** Values that stand where something else is expected; `__proto__` as a key of its own, as JSON.parse makes it. */
const oddities: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  Number.NaN,
  1e308,
  "",
  " ",
  "x",
  "${HOME}",
  "${",
  "os.environ/",
  "a*b*c",
  "*",
  "https://user:secret@host/v1",
  "ftp://host",
  "\u0000\n\u2028",
  "ключ",
  "x".repeat(5000),
  [],
  [null],
  [[[]]],
  {},
  { a: {} },
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}'),
  [{ model: "m" }],
];

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

/** A copy with some of its values replaced by odd ones, some keys dropped and some added. */
function mutated(value: unknown, random: Random, rate: number): unknown {
  if (random() < rate) return structuredClone(pick(random, oddities));
  if (Array.isArray(value)) return value.map((item) => mutated(item, random, rate));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .filter(() => random() > rate / 3)
    .map(
      ([key, item]) =>
        [
          random() < rate / 4 ? pick(random, ["__proto__", "constructor", "", "*", "<<", "a b"]) : key,
          mutated(item, random, rate),
        ] as const,
    );
  return Object.fromEntries(entries);
}

const rounds = Number(process.env["IMPORT_ROUNDS"] ?? 120);

/** The conversion of anything is refused in words, or a configuration that the gateway takes. */
function expectSense(convert: () => Converted): "refused" | "taken" {
  let converted: Converted;
  try {
    converted = convert();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).not.toContain("undefined");
    expect(error.message).not.toContain("[object Object]");
    return "refused";
  }
  expect(converted.notes.join("\n")).not.toContain("[object Object]");
  if (converted.tree["providers"] !== undefined) loaded(converted);
  return "taken";
}

for (const [name, convert] of Object.entries(converters)) {
  test(`${name}: any kind of value is refused in words`, () => {
    for (const value of [undefined, ...oddities]) expectSense(() => convert(value));
  });

  test(`${name}: damaged configurations are refused in words, or accepted by the loader`, () => {
    const random = createRandom(20_260_101);
    const outcomes = { refused: 0, taken: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const source = mutated(samples[name], random, round % 2 === 0 ? 0.004 : 0.03);
      try {
        outcomes[expectSense(() => convert(source))] += 1;
      } catch (error) {
        throw new Error(`round ${round}: ${String(error)}\n${JSON.stringify(source)}`, { cause: error });
      }
    }
    expect(Math.min(outcomes.refused, outcomes.taken)).toBeGreaterThan(5);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });

  test(`${name}: something that contains itself, or is too large, is refused at once`, () => {
    const circular: Record<string, unknown> = { model_list: [], groups: [], routes: {} };
    circular["self"] = circular;
    expect(refusal(() => convert(circular))).toContain("too large, nested too deeply, or refers to itself");
    const many = Array.from({ length: 60_000 }, (_, index) => ({ model_name: `m${index}`, groupName: "g" }));
    const start = performance.now();
    expect(refusal(() => convert({ model_list: many, groups: many, routes: many, a: many }))).toContain("is too large");
    expect(performance.now() - start).toBeLessThan(1000);
  });
}

const read = (name: string, content: string | Uint8Array): string => {
  using folder = configFolder({ [name]: content });
  return refusal(() => importConfig(join(folder.path, name)));
};

describe("files", () => {
  for (const [what, name, content, expected] of [
    ["an empty one", "config.yaml", "", /none of the configurations that are known/],
    ["one nested too deeply", "config.yaml", "[".repeat(50_000), /is nested too deeply/],
    ["deep JSON", "groups.json", "[".repeat(50_000) + "]".repeat(50_000), /none of the configurations/],
    ["a YAML bomb", "config.yaml", `model_list: &a [x]\n${"b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n".repeat(9)}`, /./],
    ["bytes that are no text", "config.yaml", new Uint8Array([0xff, 0x00, 0x80, 0x81]), /./],
    ["broken JSON", "groups.json", '{"groups": [', /no valid JSON/],
    [
      "OrchestrationApi's server settings",
      "appsettings.json",
      '{"OrchestrationApi": {"Server": {"Port": 5000}}}',
      /POST \/admin\/groups\/export/,
    ],
    ["our own configuration", "orcestator.yaml", "providers: {}\nmodels: {}\n", /a configuration of Orcestator itself/],
    ["any other", "compose.yaml", "services: {}\n", /name the system with --from/],
  ] as const) {
    test(`${what} is refused in words`, () => {
      expect(read(name, content)).toMatch(expected);
    });
  }

  test("a larger one than any configuration is not read", () => {
    expect(read("config.yaml", new Uint8Array(9 * 1024 * 1024).fill(0x20))).toContain("is larger than 8 MB");
  });

  test("a missing one, and a folder where a file is wanted, are refused in words", () => {
    using folder = configFolder();
    expect(refusal(() => importConfig(join(folder.path, "none.yaml")))).toContain("there is no such file or folder");
    expect(refusal(() => importConfig(folder.path, "litellm"))).toContain("name LiteLLM's config.yaml in it");
  });

  test("keys written twice are told: other systems take the last one in silence", () => {
    const text = "model_list:\n  - model_name: m\n    litellm_params:\n      model: openai/a\n      model: openai/b\n";
    using folder = configFolder({ "config.yaml": text });
    expect(importConfig(join(folder.path, "config.yaml")).notes[0]).toBe(
      "line 5: 'model' is written twice in one object; the last one counts",
    );
  });
});

test("the system is told by the content", () => {
  expect(detectSystem(litellmSample)).toBe("litellm");
  expect(detectSystem(groupsSample)).toBe("orchestration-api");
  expect(detectSystem({ router_settings: {} })).toBe("litellm");
  expect(detectSystem([{ GroupName: "x" }])).toBe("orchestration-api");
  for (const value of [undefined, null, 3, "x", [], {}, [3], { groups: 3 }])
    expect(detectSystem(value)).toBeUndefined();
});
