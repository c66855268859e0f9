import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../scripts/build/compile.ts";
import { sha256 } from "../../scripts/build/sha256.ts";
import { hostBuildTarget } from "../../scripts/build/targets.ts";

// Top-level await and a lazy import, as in the real entry point.
const program = `
declare const ORCESTATOR_COMMIT: string;
const { answer } = await import("./answer.ts");
console.log(JSON.stringify({
  answer,
  commit: ORCESTATOR_COMMIT,
  fromDotenv: process.env["FROM_DOTENV"] ?? null,
  isPreloaded: "preloaded" in globalThis,
  mode: process.env.NODE_ENV,
}));
`;

// The base executable may have to be fetched first.
setDefaultTimeout(60_000);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "orcestator-compile-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Compiles the program from a folder of its own; path of the executable. */
async function compileFrom(name: string): Promise<string> {
  const sources = join(folder, name);
  await Bun.write(join(sources, "main.ts"), program);
  await Bun.write(join(sources, "answer.ts"), "export const answer = 42;\n");
  const entrypoint = join(sources, "main.ts");
  const outputFolder = join(sources, "out");
  return (await compile({ target: hostBuildTarget(), entrypoint, outputFolder, commit: "abc123" })).path;
}

describe("a compiled executable", () => {
  test("runs nothing and reads nothing from the folder it is started in", async () => {
    const executable = await compileFrom("first");
    const hostile = join(folder, "hostile");
    await mkdir(hostile);
    await Bun.write(join(hostile, ".env"), "FROM_DOTENV=yes\n");
    await Bun.write(join(hostile, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    await Bun.write(join(hostile, "preload.ts"), "globalThis.preloaded = true;\n");
    await Bun.write(join(hostile, "tsconfig.json"), "this is no JSON");
    const { NODE_ENV: _, ...env } = process.env;
    const child = Bun.spawn([executable], { cwd: hostile, env, stdio: ["ignore", "pipe", "inherit"] });
    expect(await new Response(child.stdout).json()).toEqual({
      answer: 42,
      commit: "abc123",
      fromDotenv: null,
      isPreloaded: false,
      mode: "production",
    });
  });

  test("is the same, byte for byte, when it is built again in another folder", async () => {
    const [first, second] = [await compileFrom("first"), await compileFrom("second folder")];
    expect(await sha256(second)).toBe(await sha256(first));
  });
});
