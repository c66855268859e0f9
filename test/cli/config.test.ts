import { describe, expect, test } from "bun:test";
import { configFolder } from "../config/folder.ts";
import { runCli } from "./run-cli.ts";

const key = "sk-or-v1-0123456789abcdefcanary";

describe("config check", () => {
  test("says that the database was not looked at, and what looks at it", async () => {
    using folder = configFolder();
    const env = { OR_API_KEY: "sk-or-1" };
    const url = "postgres://gw:canary@127.0.0.1:1/gw";
    const withOne = await runCli(["config", "check"], { cwd: folder.path, env: { ...env, DATABASE_URL: url } });
    expect([withOne.exitCode, withOne.stderr]).toEqual([0, ""]);
    expect(withOne.stdout).toEndWith(
      "\nThe database postgres://gw@127.0.0.1:1/gw was not looked at: `orcestator db check` does.\n",
    );
    const withNone = await runCli(["config", "check"], { cwd: folder.path, env });
    expect([withNone.exitCode, withNone.stdout]).toEqual([0, expect.not.stringContaining("database")]);
  });

  test("a good configuration is summed up with exit code 0", async () => {
    using folder = configFolder({ ".env": `OR_API_KEY=${key}\n` });
    const { stdout, exitCode } = await runCli(["config", "check"], { cwd: folder.path });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("The configuration is fine.");
    expect(stdout).toContain("1 provider(s) (openrouter), 1 model(s) (orcestator)");
  });

  test("all problems are listed at once with exit code 1", async () => {
    using folder = configFolder({
      "conf.yaml": "server: {prot: 1}\nmodels: {m: {targets: [{provider: x, model: y}]}}",
    });
    const { stdout, exitCode } = await runCli(["config", "check", "--config", "conf.yaml"], { cwd: folder.path });
    expect(exitCode).toBe(1);
    expect(stdout).toContain("server.prot (file conf.yaml)");
    expect(stdout).toContain("models.m.targets[0].provider (file conf.yaml)");
    expect(stdout).toContain("OR_API_KEY is not set");
  });

  test("--json gives scripts the problems with their kinds", async () => {
    using folder = configFolder({ "orcestator.toml": "[server]\nport = 99999\n" });
    const { stdout, exitCode } = await runCli(["config", "check", "--json"], { cwd: folder.path });
    expect(exitCode).toBe(1);
    const report = JSON.parse(stdout);
    expect(report.ok).toBe(false);
    expect(report.file).toEndWith("orcestator.toml");
    expect(report.problems).toMatchObject([
      { kind: "invalid", path: "server.port", message: "must be at most 65535", origin: "file orcestator.toml" },
      { kind: "missing-credential" },
    ]);
  });
});

describe("config show", () => {
  const files = { "orcestator.yaml": "server: {drain: 90s}\nlogging: {keep: 3}\n", ".env": "OR_LOG_LEVEL=debug\n" };

  test("shows what differs from the defaults, with its origin and without secrets", async () => {
    using folder = configFolder(files);
    const { stdout, exitCode } = await runCli(["config", "show"], {
      cwd: folder.path,
      env: { OR_API_KEY: key, OR_PORT: "9000" },
    });
    expect(exitCode).toBe(0);
    for (const line of [
      /^server\.drain +90s +file orcestator\.yaml$/m,
      /^server\.port +9000 +env OR_PORT$/m,
      // From source, Bun itself puts .env into the environment; the executable leaves that to our loader.
      /^logging\.level +debug +env OR_LOG_LEVEL( \(\.env\))?$/m,
      /^providers\.openrouter\.credentials +sk-or-…nary +env OR_API_KEY$/m,
    ]) {
      expect(stdout).toMatch(line);
    }
    expect(stdout).not.toContain("server.heartbeat");
    expect(stdout).not.toContain("canary");
  });

  test("--all shows the defaults too", async () => {
    using folder = configFolder(files);
    const { stdout } = await runCli(["config", "show", "--all"], { cwd: folder.path, env: { OR_API_KEY: key } });
    expect(stdout).toMatch(/^server\.heartbeat +15s +default$/m);
    expect(stdout).toMatch(/^providers\.openrouter\.timeouts\.total +10m +default$/m);
    expect(stdout).toMatch(/^keys\.inbound +\(none\) +default$/m);
  });

  test("--json holds the merged configuration and the origin of every value", async () => {
    using folder = configFolder(files);
    const { stdout } = await runCli(["config", "show", "--json"], { cwd: folder.path, env: { OR_API_KEY: key } });
    const shown = JSON.parse(stdout);
    expect(shown.config.server.drain).toBe(90_000);
    expect(shown.config.providers.openrouter.credentials).toEqual(["sk-or-…nary"]);
    expect(shown.origins["server.drain"]).toBe("file orcestator.yaml");
    expect(shown.origins["server.port"]).toBe("default");
  });

  test("works without any API key", async () => {
    using folder = configFolder();
    const { stderr, exitCode } = await runCli(["config", "show"], { cwd: folder.path });
    expect(exitCode).toBe(0);
    expect(stderr).toBe("warning: OR_API_KEY is not set, so there is no provider to send requests to.\n");
  });
});

test("config show takes --origin, and shows what it shows anyway", async () => {
  using folder = configFolder({ "orcestator.yaml": "providers: {d: {type: dummy}}\n" });
  const [plain, asked] = await Promise.all(
    [[], ["--origin"]].map((flags) => runCli(["config", "show", ...flags], { cwd: folder.path })),
  );
  expect(asked).toEqual(plain);
  expect(asked).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("file orcestator.yaml") });
});

describe("config show of many defaults", () => {
  const text = `
providers: {g: {type: groq, credentials: [{key: ${key}, weight: 2}, ${key}2]}}
models: {"m-*": {strategy: weighted, targets: [{provider: g, model: x}, {provider: g, model: y, weight: 3}]}}
`;

  test("shows of models and credentials what was written", async () => {
    using folder = configFolder({ "orcestator.yaml": text });
    const { stdout } = await runCli(["config", "show"], { cwd: folder.path });
    const rows = stdout.split("\n").map((line) => line.replaceAll(/\s{2,}/g, " | "));
    expect(rows.filter((row) => /^(?:models|providers.*credentials)/.test(row))).toEqual([
      "providers.g.credentials[0].key | sk-or-…nary | file orcestator.yaml",
      "providers.g.credentials[0].weight | 2 | file orcestator.yaml",
      "providers.g.credentials[1] | sk-or-…ary2 | file orcestator.yaml",
      'models["m-*"].targets[0].provider | g | file orcestator.yaml',
      'models["m-*"].targets[0].model | x | file orcestator.yaml',
      'models["m-*"].targets[1].provider | g | file orcestator.yaml',
      'models["m-*"].targets[1].model | y | file orcestator.yaml',
      'models["m-*"].targets[1].weight | 3 | file orcestator.yaml',
      'models["m-*"].strategy | weighted | file orcestator.yaml',
    ]);
  });

  test("--all leaves out what holds nothing", async () => {
    using folder = configFolder({ "orcestator.yaml": text });
    const { stdout } = await runCli(["config", "show", "--all"], { cwd: folder.path });
    expect(stdout).toMatch(/^models\["m-\*"\]\.targets\[0\]\.weight +1 +default$/m);
    expect(stdout).toMatch(/^failover\.retryShare +0\.2 +default$/m);
    expect(stdout).not.toMatch(/^(?:models|providers)\S+ +\(none\)/m);
    expect(stdout).not.toContain("[object");
  });
});

describe("config diff", () => {
  const now = `server: {drain: 90s}\nproviders: {g: {type: groq, credentials: [${key}]}}\n`;

  test("without a file tells what differs from the defaults, and nothing else", async () => {
    using folder = configFolder({ "orcestator.yaml": now });
    const { stdout, exitCode } = await runCli(["config", "diff"], { cwd: folder.path });
    expect(exitCode).toBe(0);
    expect(stdout.split("\n").map((line) => line.replaceAll(/\s{2,}/g, " | "))).toEqual([
      "SETTING | DEFAULT | HERE",
      "server.drain | 30s | 90s",
      "providers.g.type | – | groq",
      "providers.g.credentials | – | sk-or-…nary",
      "",
    ]);
  });

  test("with a file tells what it would change, with the same environment and secrets masked", async () => {
    using folder = configFolder({
      "orcestator.yaml": now,
      "new.yaml": now.replace("90s", "2m").replace(`[${key}]`, '["${GROQ}"], retries: 7'),
      ".env": `GROQ=${key.replace("0123", "9999")}\nOR_HOST=127.0.0.1\n`,
    });
    const args = ["config", "diff", "new.yaml"];
    const { stdout, exitCode } = await runCli(args, { cwd: folder.path });
    expect(exitCode).toBe(0);
    expect(stdout.split("\n").map((line) => line.replaceAll(/\s{2,}/g, " | "))).toEqual([
      "SETTING | NOW | WITH IT",
      "server.drain | 90s | 2m",
      "providers.g.credentials | sk-or-…nary | sk-or-…nary (another secret)",
      "providers.g.retries | 2 | 7",
      "",
    ]);
    const json = await runCli([...args, "--json", "--exit-code"], { cwd: folder.path });
    expect(json.exitCode).toBe(1);
    expect(json.stdout).not.toContain("canary");
    expect(JSON.parse(json.stdout).differences).toContainEqual({
      path: "server.drain",
      before: 90_000,
      after: 120_000,
    });
  });

  test("--exit-code is 0 where nothing differs, and a broken file is an error", async () => {
    using folder = configFolder({ "orcestator.yaml": now, "broken.yaml": "server: {prot: 1}" });
    const equal = await runCli(["config", "diff", "orcestator.yaml", "--exit-code"], { cwd: folder.path });
    expect(equal).toMatchObject({ exitCode: 0, stdout: "There are no differences.\n" });
    const broken = await runCli(["config", "diff", "broken.yaml"], { cwd: folder.path });
    expect(broken.exitCode).toBe(1);
    expect(broken.stderr).toContain("server.prot");
  });
});

test("config check names the provider that lacks a credential", async () => {
  using folder = configFolder({ "orcestator.yaml": "providers: {gpt: {type: openai}}" });
  const { stdout, exitCode } = await runCli(["config", "check"], { cwd: folder.path });
  expect(exitCode).toBe(1);
  expect(stdout).toContain("providers.gpt.credentials (file orcestator.yaml): no API key");
});

test("config schema prints a JSON Schema", async () => {
  using folder = configFolder();
  const { stdout, exitCode } = await runCli(["config", "schema"], { cwd: folder.path });
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ type: "object", additionalProperties: false });
});
