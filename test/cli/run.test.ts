import { describe, expect, spyOn, test } from "bun:test";
import { existsSync } from "node:fs";
import packageJson from "../../package.json" with { type: "json" };
import { commands } from "../../src/cli/commands.ts";
import { run } from "../../src/cli/run.ts";
import { commandOf } from "../support/gateway.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { runCli, type CliResult } from "./run-cli.ts";

const words = [...Object.keys(commands), "config check", "config show", "config schema"];

/** Runs in this process, which is quicker; only for calls that end at once. */
async function runHere(args: readonly string[]): Promise<CliResult> {
  const texts = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    spyOn(process[name], "write").mockImplementation((text: string | Uint8Array) => {
      texts[name] += String(text);
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await run(args);
    return { ...texts, exitCode: process.exitCode };
  } finally {
    process.exitCode = before ?? 0;
    for (const spy of spies) spy.mockRestore();
  }
}

describe("help", () => {
  test("the root lists every command with what it does", async () => {
    const { stdout, exitCode } = await runHere(["--help"]);
    expect(exitCode).toBe(0);
    for (const [name, { summary }] of Object.entries(commands)) {
      expect(stdout).toContain(name);
      expect(stdout).toContain(summary);
    }
    expect(stdout).toContain("tail-logs, tail");
    expect(stdout).not.toContain("\u001B");
  });

  test.each(words)("%s --help shows usage, options and examples, and runs nothing", async (name) => {
    const { stdout, stderr, exitCode } = await runHere([...name.split(" "), "--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(`Usage: orcestator ${name}`);
    expect(stdout).toContain("--help");
    expect(stdout).toContain("Examples:");
    expect(stdout).toContain(`  orcestator ${name}`);
  });

  test.each(words.filter((name) => name !== "config"))("every flag in the examples of %s exists", async (name) => {
    const { stdout } = await runHere([...name.split(" "), "-h"]);
    const [options = "", examples = ""] = stdout.split("Examples:");
    for (const [flag] of examples.matchAll(/(?<=\s)--[a-z-]+/g)) expect(options).toContain(flag);
  });

  test("an alias shows the help of its command", async () => {
    expect((await runHere(["tail", "--help"])).stdout).toContain("Usage: orcestator tail-logs");
  });
});

describe("wrong use ends with exit code 2 and a hint", () => {
  test.each([
    [["servee"], "unknown command 'servee'; did you mean 'orcestator serve'?", "orcestator --help"],
    [["tail-log"], "did you mean 'orcestator tail-logs'?", "orcestator --help"],
    [["frobnicate"], "unknown command 'frobnicate'; there are serve, init", "orcestator --help"],
    [[], "say what to do", "orcestator --help"],
    [["--port", "1"], "flags come behind a command", "orcestator --help"],
    [["config"], "orcestator config check", "orcestator config --help"],
    [["config", "chekc"], "did you mean 'orcestator config check'?", "orcestator config --help"],
    [["config", "show", "--al"], "did you mean --all?", "orcestator config show --help"],
    [["serve", "--prot", "1"], "did you mean --port?", "orcestator serve --help"],
    [["version", "extra"], "unexpected argument 'extra'", "orcestator version --help"],
    [["health", "--url"], "--url needs a value", "orcestator health --help"],
    [["health", "--url", "ftp://x"], "ftp://x is no http:// or https:// URL", "orcestator health --help"],
    [["constructor"], "unknown command 'constructor'", "orcestator --help"],
  ])("orcestator %j", async (args, message, hint) => {
    const { stdout, stderr, exitCode } = await runHere(args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).toContain(`See: ${hint}\n`);
    expect(stderr).not.toMatch(/\.ts:\d+|\bat /);
  });
});

test("a wrong value of a flag is told before anything else that may be wrong", async () => {
  using folder = temporaryFolder();
  await Bun.write(`${folder.path}/orcestator.yaml`, "server: {prot: 1}\n");
  const { stderr, exitCode } = await runCli(["serve", "--port", "99999", "--drain", "soon"], { cwd: folder.path });
  expect(exitCode).toBe(2);
  expect(stderr).toBe(
    "error: --port 99999: must be at most 65535\n" +
      "--drain soon: 'soon' is no duration; write 500ms, 30s, 10m or 24h (at most 24d)\n" +
      "See: orcestator serve --help\n",
  );
});

test.skipIf(!existsSync("/dev/full"))("an output that cannot be written is one message, exit code 1", async () => {
  const cmd = [...commandOf(), "config", "schema"];
  const child = Bun.spawn({ cmd, env: { NO_COLOR: "1" }, stdout: Bun.file("/dev/full"), stderr: "pipe" });
  expect(await new Response(child.stderr).text()).toMatch(/^error: the output cannot be written: ENOSPC[^\n]*\n$/);
  expect(await child.exited).toBe(1);
});

test("the process ends with that exit code", async () => {
  using folder = temporaryFolder();
  const { stderr, exitCode } = await runCli(["servee"], { cwd: folder.path });
  expect(exitCode).toBe(2);
  expect(stderr).toStartWith("error: unknown command 'servee'");
});

test("a configuration problem is one message without a stack, exit code 1", async () => {
  using folder = temporaryFolder();
  await Bun.write(`${folder.path}/orcestator.yaml`, "server: {prot: 1}\n");
  const { stderr, exitCode } = await runCli(["serve"], { cwd: folder.path, env: { OR_API_KEY: "sk-or-x" } });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("server.prot (file orcestator.yaml): unknown key; did you mean 'port'?");
  expect(stderr).not.toMatch(/\.ts:\d+|\bat /);
});

test("the version is printed for people, for scripts and by the flag", async () => {
  using folder = temporaryFolder();
  const run = async (...args: string[]): Promise<string> => (await runCli(args, { cwd: folder.path })).stdout;
  expect(await run("--version")).toBe(`${packageJson.version}\n`);
  expect(await run("-v")).toBe(`${packageJson.version}\n`);
  expect(await run("version")).toStartWith(`orcestator ${packageJson.version} (`);
  expect(JSON.parse(await run("version", "--json"))).toMatchObject({
    version: packageJson.version,
    bun: Bun.version,
    platform: `${process.platform}-${process.arch}`,
  });
});
