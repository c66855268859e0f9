import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatTrafficLine } from "../../src/telemetry/traffic-line.ts";
import { commandOf } from "../support/gateway.ts";
import { makeRecord } from "../support/make-record.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { runCli } from "./run-cli.ts";

function linesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => formatTrafficLine(makeRecord({ userText: `question ${index}` })));
}

function writeLog(folder: string, lines: string[], path = "logs/traffic.log"): string {
  const file = join(folder, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
  return file;
}

/** A command whose output is read while it runs. */
function startCli(args: readonly string[], cwd: string) {
  const child = Bun.spawn({
    cmd: [...commandOf(), ...args],
    cwd,
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const decoder = new TextDecoder();
  const reader = child.stdout.getReader();
  let text = "";
  return {
    child,
    async until(pattern: RegExp): Promise<string> {
      while (!pattern.test(text)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`ended before ${pattern}: ${text}`);
        text += decoder.decode(value, { stream: true });
      }
      return text;
    },
    leave: () => reader.cancel(),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

test("the last lines of the default log are shown", async () => {
  using temporary = temporaryFolder();
  const lines = linesOf(60);
  writeLog(temporary.path, lines);
  const result = await runCli(["tail-logs", "--no-follow", "--raw"], { cwd: temporary.path });
  expect(result).toEqual({
    exitCode: 0,
    stderr: "",
    stdout: lines
      .slice(-50)
      .map((line) => `${line}\n`)
      .join(""),
  });
  const few = await runCli(["tail", "-n", "2", "--no-follow", "--raw"], { cwd: temporary.path });
  expect(few.stdout).toBe(
    lines
      .slice(-2)
      .map((line) => `${line}\n`)
      .join(""),
  );
});

test("the log comes from --file, the configuration or the environment", async () => {
  using temporary = temporaryFolder();
  writeLog(temporary.path, linesOf(1), "one.log");
  writeLog(temporary.path, linesOf(2), "two.log");
  writeLog(temporary.path, linesOf(3), "three.log");
  writeFileSync(join(temporary.path, "my.yaml"), "logging: {file: two.log}\n");
  const count = async (args: string[], env: Record<string, string> = {}) => {
    const { stdout } = await runCli(["tail", "--no-follow", "--json", ...args], { cwd: temporary.path, env });
    return stdout.split("\n").length - 1;
  };
  expect(await count(["--file", "one.log"])).toBe(1);
  expect(await count(["--config", "my.yaml"])).toBe(2);
  expect(await count([], { OR_LOG_FILE: "three.log" })).toBe(3);
});

test("filters choose lines", async () => {
  using temporary = temporaryFolder();
  const lines = [
    makeRecord({ userText: "fast", latencyMs: 10 }),
    makeRecord({ userText: "slow", latencyMs: 3000, modelServed: "claude" }),
    makeRecord({ userText: "failed", status: 502, endReason: "upstream_error", latencyMs: 5000 }),
  ].map(formatTrafficLine);
  writeLog(temporary.path, lines);
  const users = async (...args: string[]) => {
    const { stdout } = await runCli(["tail", "--no-follow", "--json", ...args], { cwd: temporary.path });
    const objects = stdout.trim().split("\n").filter(Boolean);
    return objects.map((line) => (JSON.parse(line) as { user: string }).user);
  };
  expect(await users("--min-latency", "2s")).toEqual(["slow", "failed"]);
  expect(await users("--min-latency", "2s", "--model", "claude")).toEqual(["slow"]);
  expect(await users("--status", "error")).toEqual(["failed"]);
  expect(await users("--grep", "FAST")).toEqual(["fast"]);
  expect(await users("--grep", "none of them")).toEqual([]);
});

test("following shows new requests through a rotation and ends well on Ctrl+C", async () => {
  using temporary = temporaryFolder();
  const [first = "", second = "", third = ""] = linesOf(3);
  const file = writeLog(temporary.path, [first]);
  await using tail = startCli(["tail", "--raw"], temporary.path);
  await tail.until(/question 0/);
  appendFileSync(file, `${second}\n`);
  await tail.until(/question 1/);
  renameSync(file, `${file}.old`);
  writeFileSync(file, `${third}\n`);
  expect(await tail.until(/question 2/)).toBe([first, second, third].map((line) => `${line}\n`).join(""));
  tail.child.kill("SIGINT");
  expect(await tail.child.exited).toBe(0);
  expect(await new Response(tail.child.stderr).text()).toBe("");
});

test("a reader that leaves ends the command without noise", async () => {
  using temporary = temporaryFolder();
  const file = writeLog(temporary.path, linesOf(5000));
  await using tail = startCli(["tail", "-n", "5000", "--raw"], temporary.path);
  await tail.until(/question/);
  await tail.leave();
  appendFileSync(file, `${linesOf(1).join("")}\n`);
  expect(await tail.child.exited).toBe(0);
  expect(await new Response(tail.child.stderr).text()).toBe("");
});

test("a slow reader gets every line", async () => {
  using temporary = temporaryFolder();
  const lines = linesOf(20_000);
  writeLog(temporary.path, lines);
  await using tail = startCli(["tail", "-n", "20000", "--raw", "--no-follow"], temporary.path);
  await Bun.sleep(50);
  const last = lines.at(-1) ?? "";
  const text = await tail.until(/question 19999/);
  expect(text.split("\n").slice(0, -1).at(-1)).toBe(last);
  expect(await tail.child.exited).toBe(0);
});

test("a missing or switched off log says which setting is meant", async () => {
  using temporary = temporaryFolder();
  const missing = await runCli(["tail"], { cwd: temporary.path });
  expect(missing.exitCode).toBe(1);
  expect(missing.stderr).toContain("there is no file logs/traffic.log (setting logging.file, OR_LOG_FILE)");
  const named = await runCli(["tail", "--file", "x.log"], { cwd: temporary.path });
  expect(named.stderr).toContain("there is no file x.log (--file)");
  writeFileSync(join(temporary.path, "orcestator.yaml"), 'logging: {file: ""}\n');
  const off = await runCli(["tail"], { cwd: temporary.path });
  expect(off.exitCode).toBe(1);
  expect(off.stderr).toContain("the traffic log is switched off: setting logging.file");
  mkdirSync(join(temporary.path, "folder"));
  const folder = await runCli(["tail", "--file", "folder"], { cwd: temporary.path });
  expect(folder.stderr).toContain("folder (--file) is no file");
});

test("wrong usage ends with exit code 2 and says what to write", async () => {
  using temporary = temporaryFolder();
  writeLog(temporary.path, linesOf(1));
  for (const [args, message] of [
    [["-n", "many"], "--lines many: write a number"],
    [["--status", "6oo"], "--status 6oo: write a status (503)"],
    [["--min-latency", "fast"], "--min-latency fast: write a duration"],
    [["--raw", "--json"], "--raw and --json cannot be combined"],
    [["--file", "x", "--url", "http://localhost"], "--file and --url cannot be combined"],
    [["--url", "ftp://localhost"], "is no http:// or https:// URL"],
    [["--stauts", "503"], "did you mean --status?"],
  ] as const) {
    const result = await runCli(["tail-logs", "--no-follow", ...args], { cwd: temporary.path });
    expect(result).toMatchObject({ exitCode: 2, stdout: "" });
    expect(result.stderr).toContain(message);
  }
});
