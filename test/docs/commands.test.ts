import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { commandOf, startGateway, type Gateway } from "../support/gateway.ts";
import { fences, placeOf, repository, type Fence } from "./documents.ts";

/** Where the documents say the gateway listens. */
const documentedOrigin = "http://127.0.0.1:8000";

const languages = ["sh", "js", "python", "go"];
const programs = fences().filter(({ language }) => languages.includes(language));
const runnable = programs.filter(({ marker }) => marker === "test" || marker.startsWith("test: "));

let gateway: Gateway;
let folder: string;

async function writeOrcestatorCommand(): Promise<void> {
  folder = join(gateway.cwd, "bin");
  await mkdir(folder);
  const path = join(folder, "orcestator");
  const words = commandOf().map((word) => `'${word}'`);
  await writeFile(path, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
  await chmod(path, 0o755);
}

/** A busy machine may take a while to start a process. */
const startMs = 15_000;

beforeAll(async () => {
  gateway = await startGateway({ args: ["--demo"], env: { OR_API_KEY: undefined } });
  await writeOrcestatorCommand();
  const body = JSON.stringify({ model: "orcestator", messages: [{ role: "user", content: "the first request" }] });
  await fetch(`${gateway.url}/chat/completions`, { method: "POST", body });
  await gateway.trafficLines(1);
}, startMs);

afterAll(() => gateway.stop(), startMs);

async function run({ language, text }: Fence): Promise<{ exitCode: number; output: string }> {
  const program = text.replaceAll(documentedOrigin, gateway.origin);
  const isShell = language === "sh";
  const child = Bun.spawn({
    // A program in JavaScript finds the packages of the project.
    cmd: isShell ? ["sh", "-e", "-c", program] : [process.execPath, "run", "-"],
    cwd: isShell ? gateway.cwd : repository,
    env: {
      PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}`,
      HOME: gateway.cwd,
      NO_COLOR: "1",
      OR_API_KEY: "sk-or-test",
      OR_PORT: String(gateway.port),
    },
    stdin: isShell ? "ignore" : new TextEncoder().encode(program),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { exitCode: await child.exited, output: `${stdout}\n${stderr}` };
}

describe("the documents' commands", () => {
  test.each(programs.map((fence) => [placeOf(fence), fence] as const))(
    "%s is marked as tested here or by hand",
    (_place, { marker }) => {
      expect(marker).toMatch(/^(?:test(?:: .+)?|by hand)$/);
    },
  );

  // They are written for a POSIX shell.
  test.skipIf(process.platform === "win32").each(runnable.map((fence) => [placeOf(fence), fence] as const))(
    "%s does what the document says",
    async (_place, fence) => {
      const { exitCode, output } = await run(fence);
      expect({ exitCode, output }).toEqual({ exitCode: 0, output });
      expect(output).toContain(fence.marker.replace(/^test(?:: )?/, ""));
    },
  );
});
