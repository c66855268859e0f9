import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readEnvironment } from "../../../src/config/environment.ts";
import { readOrchConfigDir, type OrchFolder } from "../../../src/config/import/orch-config-dir.ts";
import { configFolder } from "../folder.ts";
import { loaded, refusal, targetsOf } from "./converted.ts";

const sample = join(import.meta.dir, "../../fixtures/import/llm-orch");

function read(dir: string, variables: Record<string, string> = {}): OrchFolder {
  return readOrchConfigDir(dir, readEnvironment("/nonexistent", variables));
}

function providers({ tree }: OrchFolder): Record<string, Record<string, unknown>> {
  return tree["providers"] as Record<string, Record<string, unknown>>;
}

test("variables stay in the tree, for the loader to fill in", () => {
  const folder = read(sample, { OPENAI_API_KEY: "sk-secret-canary" });
  expect(providers(folder)["frontier_primary"]).toMatchObject({ credentials: ["${OPENAI_API_KEY}"] });
  expect(JSON.stringify(folder)).not.toContain("canary");
  expect(folder.files).toEqual([join(sample, "providers.toml"), join(sample, "router.yaml")]);
});

test("a provider whose key is not set is switched off and told, and the rest still starts", () => {
  const folder = read(sample, { OPENAI_API_KEY: "sk-secret-canary", GROQ_API_KEY: " " });
  expect(folder.notes).toEqual([
    "providers.toml: frontier_backup.auth_env: ANTHROPIC_API_KEY is not set; the provider is switched off until it is",
    "providers.toml: hosted_fast.auth_env: GROQ_API_KEY is not set; the provider is switched off until it is",
  ]);
  const { config } = loaded(folder);
  expect(targetsOf(config, "x", { "x-orch-task-kind": "PLAN" })).toEqual(["frontier_primary/gpt-4.1-mini"]);
  expect(targetsOf(config, "x")).toEqual(["frontier_primary/gpt-4.1-mini", "local_7b/qwen2.5:7b-instruct-q4_K_M"]);
});

test("a server that wants no key is asked without one where the variable is not set", () => {
  using folder = configFolder({
    "providers.toml": '[a]\nbase_url = "http://10.0.0.1/v1"\nmodel = "m"\nauth_env = "GPU_KEY"\n',
    "router.yaml": "routes: { DEFAULT: { primary: a } }\n",
  });
  expect(providers(read(folder.path))["a"]).not.toHaveProperty("credentials");
  expect(providers(read(folder.path))["a"]).not.toHaveProperty("enabled");
  expect(providers(read(folder.path, { GPU_KEY: "k" }))["a"]).toMatchObject({ credentials: ["${GPU_KEY}"] });
});

test("ORCH_USE_DUMMY takes the dummy providers, and routes to others are cut short", () => {
  const folder = read(sample, { ORCH_USE_DUMMY: "Yes" });
  expect(folder.files[0]).toEndWith("providers.dummy.toml");
  const { config } = loaded(folder);
  expect(targetsOf(config, "dummy", { "x-orch-task-kind": "PLAN" })).toEqual(["frontier_primary/dummy"]);
  expect(Object.values(config.providers).every(({ type }) => type === "dummy")).toBe(true);
});

describe("folders that cannot be used", () => {
  const router = "routes: { DEFAULT: { primary: a } }\n";
  const provider = '[a]\ntype = "dummy"\nmodel = "dummy"\n';

  test("missing files are named, and what to do", () => {
    using folder = configFolder();
    const message = refusal(() => read(folder.path));
    expect(message).toContain(`file ${join(folder.path, "providers.toml")}: there is no such file`);
    expect(message).toContain(`file ${join(folder.path, "router.yaml")}: there is no such file`);
    expect(refusal(() => read(join(folder.path, "nowhere")))).toContain(
      "there is no such file; llm-orch's configuration is a folder",
    );
  });

  test("where only the dummy providers are there, the message says how to use them", () => {
    using folder = configFolder({ "providers.dummy.toml": provider, "router.yaml": router });
    expect(refusal(() => read(folder.path))).toContain("set ORCH_USE_DUMMY=1");
    expect(providers(read(folder.path, { ORCH_USE_DUMMY: "1" }))).toHaveProperty("a");
  });

  for (const [name, files, expected] of [
    [
      "broken TOML",
      { "providers.toml": "[a\ntype = 3", "router.yaml": router },
      /providers\.toml: this is no valid TOML, line 1/,
    ],
    [
      "broken YAML",
      { "providers.toml": provider, "router.yaml": "routes: { DEFAULT: [" },
      /router\.yaml: this is no valid YAML, line \d/,
    ],
    ["empty files", { "providers.toml": "", "router.yaml": "" }, /providers\.toml: there are no providers/],
    [
      "a list in place of the routes",
      { "providers.toml": provider, "router.yaml": "routes: [1]" },
      /routes \(file .*router\.yaml\): must be an object/,
    ],
    [
      "a text in place of everything",
      { "providers.toml": provider, "router.yaml": "nonsense" },
      /router\.yaml: must be an object with keys/,
    ],
    [
      "a route to itself",
      { "providers.toml": provider, "router.yaml": "routes: &r { DEFAULT: { primary: a, fallback: [a] }, X: *r }" },
      /refers to itself|must/,
    ],
  ] as const) {
    test(`${name}: an error with file and place`, () => {
      using folder = configFolder(files);
      expect(refusal(() => read(folder.path))).toMatch(expected);
    });
  }

  test("both files' mistakes are told at once", () => {
    using folder = configFolder({ "providers.toml": "[", "router.yaml": "{" });
    const message = refusal(() => read(folder.path));
    expect(message).toContain("The configuration has 2 problems");
  });
});
