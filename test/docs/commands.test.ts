import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { commandOf, startGateway, type Gateway } from "../support/gateway.ts";
import { fences, placeOf, repository, type Fence } from "./documents.ts";

/** Where the documents say the gateway listens. */
const documentedOrigin = "http://127.0.0.1:8000";

const languages = ["sh", "js", "python", "go"];
/** `test: text` runs at a demo gateway, and its output has the text; `with the file above`: at one with that configuration. */
const testMarker = /^test(?<hasFile> with the file above)?(?:: (?<text>.+))?$/;
const programs = fences().filter(({ language }) => languages.includes(language));
const runnable = programs.filter(({ marker }) => testMarker.test(marker));

let demo: Gateway;

/** For programs that run beside a gateway. */
function commandFolder({ cwd }: Gateway): string {
  return join(cwd, "bin");
}

async function writeOrcestatorCommand(gateway: Gateway): Promise<void> {
  const folder = commandFolder(gateway);
  await mkdir(folder);
  const path = join(folder, "orcestator");
  const words = commandOf().map((word) => `'${word}'`);
  await writeFile(path, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
  await chmod(path, 0o755);
}

/** A busy machine may take a while to start a process. */
const startMs = 15_000;

const adminToken = "the-token-of-the-documents";

beforeAll(async () => {
  demo = await startGateway({ args: ["--demo"], env: { OR_API_KEY: undefined, AUTH_TOKEN: adminToken } });
  await writeOrcestatorCommand(demo);
  const body = JSON.stringify({ model: "orcestator", messages: [{ role: "user", content: "the first request" }] });
  await fetch(`${demo.url}/chat/completions`, { method: "POST", body });
  await demo.trafficLines(1);
}, startMs);

afterAll(() => demo.stop(), startMs);

/** The configuration that stands nearest above a program in its document. */
function configAbove({ document, line }: Fence): string {
  const above = fences(document).findLast((fence) => fence.language === "yaml" && fence.line < line);
  if (above === undefined) throw new Error(`${placeOf({ document, line })}: there is no configuration above`);
  return above.text;
}

async function startWithFileAbove(fence: Fence): Promise<Gateway> {
  const gateway = await startGateway({ configText: configAbove(fence), env: { OR_API_KEY: undefined } });
  await writeOrcestatorCommand(gateway);
  return gateway;
}

async function run({ language, text }: Fence, gateway: Gateway): Promise<{ exitCode: number; output: string }> {
  const program = text.replaceAll(documentedOrigin, gateway.origin);
  const isShell = language === "sh";
  const child = Bun.spawn({
    // A program in JavaScript finds the packages of the project.
    cmd: isShell ? ["sh", "-e", "-c", program] : [process.execPath, "run", "-"],
    cwd: isShell ? gateway.cwd : repository,
    env: {
      PATH: `${commandFolder(gateway)}${delimiter}${process.env["PATH"] ?? ""}`,
      HOME: gateway.cwd,
      NO_COLOR: "1",
      OR_PORT: String(gateway.port),
      ...(gateway === demo ? { OR_API_KEY: "sk-or-test", AUTH_TOKEN: adminToken } : {}),
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
      expect(marker).toMatch(new RegExp(`${testMarker.source}|^by hand$`));
    },
  );

  // They are written for a POSIX shell.
  test.skipIf(process.platform === "win32").each(runnable.map((fence) => [placeOf(fence), fence] as const))(
    "%s does what the document says",
    async (_place, fence) => {
      const { hasFile, text = "" } = testMarker.exec(fence.marker)?.groups ?? {};
      await using own = hasFile === undefined ? undefined : await startWithFileAbove(fence);
      const { exitCode, output } = await run(fence, own ?? demo);
      expect({ exitCode, output }).toEqual({ exitCode: 0, output });
      expect(output).toContain(text);
    },
    startMs,
  );
});
