import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { configFolder, type ConfigFolder } from "../config/folder.ts";
import { runCli, type CliResult } from "./run-cli.ts";

const fixtures = join(import.meta.dir, "../fixtures/import");

/** A working directory with the other systems' configurations in it. */
function workplace(files: Readonly<Record<string, string>> = {}): ConfigFolder {
  const folder = configFolder(files);
  cpSync(fixtures, folder.path, { recursive: true });
  return folder;
}

function run(folder: ConfigFolder, ...args: string[]): Promise<CliResult> {
  return runCli(["import", ...args], { cwd: folder.path });
}

function written(folder: ConfigFolder, name = "orcestator.yaml"): string {
  return readFileSync(join(folder.path, name), "utf8");
}

describe("what is written", () => {
  test("LiteLLM's file becomes ours: who reads it learns what was made, what was not carried, and what is still to set", async () => {
    using folder = workplace();
    const { exitCode, stdout, stderr } = await run(folder, "litellm.yaml");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(`wrote ${join(folder.path, "orcestator.yaml")}`);
    expect(stdout).toMatch(/12 providers \(azure-eu, .*\), 12 models \(gpt-4o, /);
    expect(stdout).toContain("Not carried over, or different here (20):");
    expect(stdout).toContain("  - model_list[5]: AWS signs its requests");
    expect(stdout).toMatch(/Set before the start.*: AZURE_API_KEY_EU, .*LITELLM_MASTER_KEY/);
    expect(stdout).toContain("Start the gateway with:  orcestator serve\n");
    expect(stdout).not.toContain("canary");
    const text = written(folder);
    expect(text).toStartWith("# Made by `orcestator import` from LiteLLM's litellm.yaml\n");
    expect(text).toContain("# - litellm_settings.cache, litellm_settings.cache_params: answers are not cached yet");
    if (process.platform !== "win32") {
      expect(statSync(join(folder.path, "orcestator.yaml")).mode & 0o777).toBe(0o600);
    }
  });

  test("once the variables are set, the gateway would start with it", async () => {
    using folder = workplace();
    const { stdout } = await run(folder, "llm-orch");
    const names = /Set before the start.*: (.*)/.exec(stdout)?.[1]?.split(", ") ?? [];
    expect(names).toEqual(["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GROQ_API_KEY"]);
    const env = Object.fromEntries(names.map((name) => [name, "key-for-the-test"]));
    const check = await runCli(["config", "check"], { cwd: folder.path, env });
    expect(check).toMatchObject({ exitCode: 0, stderr: "" });
    expect(check.stdout).toContain("The configuration is fine.");
  });

  test("variables that are set, in .env too, are not asked for", async () => {
    using folder = workplace({ ".env": "GROQ_API_KEY=g-0123456789\n" });
    const { stdout } = await runCli(["import", "llm-orch"], {
      cwd: folder.path,
      env: { OPENAI_API_KEY: "o-0123456789" },
    });
    expect(stdout).toMatch(/Set before the start.*: ANTHROPIC_API_KEY\n/);
  });

  for (const name of ["llm-orch/router.yaml", "llm-orch/providers.toml", "llm-orch/"]) {
    test(`llm-orch's folder is found by ${name}`, async () => {
      using folder = workplace();
      expect((await run(folder, name)).stdout).toContain("4 providers (frontier_primary");
    });
  }

  test("llm-orch's dummy providers are taken by their file's name", async () => {
    using folder = workplace();
    expect((await run(folder, "llm-orch/providers.dummy.toml")).stdout).toContain("3 providers (hosted_fast");
    expect(written(folder)).toContain("type: dummy");
  });

  test("OrchestrationApi's keys stay in the file and out of the terminal", async () => {
    using folder = workplace();
    const { exitCode, stdout, stderr } = await run(folder, "groups_config.json");
    expect(exitCode).toBe(0);
    expect(stdout + stderr).not.toContain("canary");
    expect(stdout).toContain("4 providers (openai-primary, Relay-paid, claude, gemini), 6 models (gpt-3.5-turbo,");
    expect(written(folder)).toContain("sk-canary-openai-key-0001");
    const check = await runCli(["config", "check"], { cwd: folder.path });
    expect(check.exitCode).toBe(0);
  });
});

describe("--out", () => {
  test("- shows the file on the standard output, and everything else beside it", async () => {
    using folder = workplace();
    const { exitCode, stdout, stderr } = await run(folder, "groups_config.json", "--out", "-");
    expect(exitCode).toBe(0);
    expect(Object.keys(Bun.YAML.parse(stdout) as object)).toEqual(["providers"]);
    expect(stderr).toContain("Not carried over");
    expect(existsSync(join(folder.path, "orcestator.yaml"))).toBe(false);
  });

  test("another name is told to serve", async () => {
    using folder = workplace();
    const { stdout } = await run(folder, "llm-orch", "--out", "other.yml");
    expect(stdout).toContain(`orcestator serve --config ${join(folder.path, "other.yml")}`);
  });

  test("a .json gets JSON", async () => {
    using folder = workplace();
    await run(folder, "llm-orch", "--out", "orcestator.json");
    expect(JSON.parse(written(folder, "orcestator.json"))).toHaveProperty("providers");
  });

  test("an existing file is kept unless --force", async () => {
    using folder = workplace({ "orcestator.yaml": "# mine\n" });
    const refused = await run(folder, "llm-orch");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/orcestator\.yaml exists already\. Nothing was written; add --force/);
    expect(written(folder)).toBe("# mine\n");
    expect((await run(folder, "llm-orch", "--force")).exitCode).toBe(0);
    expect(written(folder)).toContain("frontier_primary");
  });
});

test("--json tells scripts what was done", async () => {
  using folder = workplace();
  const { exitCode, stdout } = await run(folder, "llm-orch", "--json");
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    from: "llm-orch",
    files: [join(folder.path, "llm-orch/providers.toml"), join(folder.path, "llm-orch/router.yaml")],
    out: join(folder.path, "orcestator.yaml"),
    providers: ["frontier_primary", "frontier_backup", "hosted_fast", "local_7b"],
    models: expect.arrayContaining(["DEFAULT", "PLAN", "*", "gpt-4.1-mini", "local_7b"]),
    routes: 6,
    notes: [],
    missingVariables: ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GROQ_API_KEY"],
  });
});

describe("nothing is written", () => {
  const literal = "model_list:\n  - model_name: m\n    litellm_params: {model: openai/x, api_key: sk-...}\n";
  for (const [what, files, args, exitCode, message] of [
    ["without a path", {}, [], 2, /path/i],
    [
      "for an unknown system",
      {},
      ["llm-orch", "--from", "kong"],
      2,
      /--from kong: write one of llm-orch, litellm, orchestration-api/,
    ],
    ["to a file of another kind", {}, ["llm-orch", "--out", "x.toml"], 2, /must end in \.yaml, \.yml or \.json/],
    ["with --json and --out -", {}, ["llm-orch", "--json", "--out", "-"], 2, /both write to the standard output/],
    ["from a missing file", {}, ["none.yaml"], 1, /there is no such file or folder/],
    [
      "from a file that is none of the known ones",
      { "x.yaml": "a: 1\n" },
      ["x.yaml"],
      1,
      /name the system with --from/,
    ],
    ["from mistakes, which are all told", { "x.yaml": "model_list: [1, {}]\n" }, ["x.yaml"], 1, /has 3 problems/],
    [
      "where nothing can be carried",
      { "x.yaml": "model_list:\n  - {model_name: b, litellm_params: {model: bedrock/x}}\n" },
      ["x.yaml"],
      1,
      /nothing of this LiteLLM configuration can be carried over[\s\S]*AWS signs/,
    ],
    [
      "where the loader would not take it",
      { "x.yaml": literal },
      ["x.yaml"],
      1,
      /the result would not be accepted[\s\S]*put your own API key in its place/,
    ],
  ] as const) {
    test(what, async () => {
      using folder = workplace(files);
      const result = await run(folder, ...args);
      expect(result.exitCode).toBe(exitCode);
      expect(result.stderr).toMatch(message);
      expect(result.stderr).not.toMatch(/TypeError|\bat .*\.ts:/);
      expect(existsSync(join(folder.path, "orcestator.yaml"))).toBe(false);
    });
  }
});

test("what this shell's environment says is not taken for a mistake of the file", async () => {
  using folder = workplace();
  const { exitCode } = await runCli(["import", "llm-orch"], {
    cwd: folder.path,
    env: { OR_PORT: "nonsense", ORCH_CONFIG_DIR: "/nonexistent" },
  });
  expect(exitCode).toBe(0);
});
