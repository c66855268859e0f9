import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { architectureViolations } from "./support/architecture-rules.ts";

const sourceFolder = join(import.meta.dir, "..", "src");

async function readSources(): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for await (const path of new Bun.Glob("**/*.ts").scan(sourceFolder)) {
    sources.set(path.replaceAll("\\", "/"), await Bun.file(join(sourceFolder, path)).text());
  }
  return sources;
}

/** What is said of one file that holds one line; `undefined` when nothing. */
function verdict(path: string, line: string): string | undefined {
  return architectureViolations(new Map([[path, `\n${line}\n`]]))[0];
}

test("src/ keeps its layers, homes and sizes", async () => {
  expect(architectureViolations(await readSources()).join("\n")).toBe("");
});

describe("an import upwards is named with its line", () => {
  const upward = [
    'import { handle } from "../gateway/handle.ts";',
    'import type { Handle } from "../gateway/handle.ts";',
    'export { handle } from "../gateway/handle.ts";',
    'export * from "../gateway/handle.ts";',
    'const { handle } = await import("../gateway/handle.ts");',
    '} from "../gateway/handle.ts";',
    'import "../gateway/handle.ts";',
    'type Handle = typeof import("../gateway/handle.ts");',
  ];
  for (const line of upward) {
    test(line, () => {
      expect(verdict("routing/resolve.ts", line)).toBe(
        `src/routing/resolve.ts:2: routing may not import gateway: it is above it\n    ${line}`,
      );
      expect(verdict("http/app.ts", line)).toBeUndefined();
    });
  }
});

test("rooms of one layer do not know each other", () => {
  expect(verdict("config/load.ts", 'import { logger } from "../telemetry/logger.ts";')).toContain("stands beside it");
  expect(verdict("config/load.ts", 'import { env } from "./env.ts";')).toBeUndefined();
});

describe("a vendor outside of its home is named", () => {
  const strangers = [
    ["gateway/handle.ts", 'import { Elysia } from "elysia";', "elysia lives in http/"],
    ["http/app.ts", 'import { defineCommand } from "citty";', "citty lives in cli/ and main.ts"],
    ["http/app.ts", 'import type { ConsolaInstance } from "consola";', "consola lives in telemetry/ and cli/"],
    ["telemetry/logger.ts", 'import { Counter } from "prom-client";', "prom-client lives in telemetry/metrics"],
    ["storage/store.ts", 'import { Database } from "bun:sqlite";', "bun:sqlite lives in storage/sqlite"],
    ["http/app.ts", 'const { Database } = await import("bun:sqlite");', "bun:sqlite lives in storage/sqlite"],
    ["http/app.ts", 'import pad from "left-pad";', "left-pad has no home"],
    ["storage/store.ts", "const sql = new Bun.SQL(url);", "SQL lives in storage/mysql and storage/postgres"],
    ["storage/store.ts", 'import { SQL } from "bun";', "SQL lives in storage/mysql and storage/postgres"],
    ["limits/rate.ts", 'import { RedisClient } from "bun";', "RedisClient lives in coordination/redis"],
  ] as const;
  for (const [path, line, complaint] of strangers) {
    test(`${path}: ${line}`, () => expect(verdict(path, line)).toContain(complaint));
  }
});

test("a call that looks like an import is none", () => {
  expect(verdict("lib/sse.ts", 'const end = Buffer.from("left-pad");')).toBeUndefined();
  expect(verdict("lib/sse.ts", 'const end = Array.from("left-pad");')).toBeUndefined();
});

describe("requests leave from one place", () => {
  for (const line of [
    "const response = await fetch(url, {",
    "return fetch(url);",
    "await globalThis.fetch(url);",
    "void Bun.fetch(url);",
    "  fetch(first),",
  ]) {
    test(line, () => {
      expect(verdict("gateway/attempt.ts", line)).toContain("fetch() lives in transport/ and cli/http.ts");
      expect(verdict("transport/send.ts", line)).toBeUndefined();
    });
  }
  for (const line of [
    "    async fetch(request) {",
    "  fetch(request: Request): Promise<Response>;",
    "return app.fetch(request);",
    "  // fetch(url) would follow redirects",
  ]) {
    test(`not a request: ${line}`, () => expect(verdict("http/listener.ts", line)).toBeUndefined());
  }
});

test("default exports, long files, unknown rooms and what lies outside of src/ are named", () => {
  expect(verdict("gateway/handle.ts", "export default function () {}")).toContain("default exports");
  expect(verdict("gateway/handle.ts", "export { handle as default };")).toContain("default exports");
  expect(verdict("cli/serve.ts", "export default defineCommand({});")).toBeUndefined();
  expect(verdict("lib/ring.ts", "\n".repeat(300))).toBeUndefined();
  expect(verdict("lib/ring.ts", "const a = 1;\n".repeat(300))).toContain("more than 300 lines");
  expect(verdict("utils/text.ts", "")).toContain("its room is in no layer");
  expect(verdict("lib/ids.ts", 'import { fixture } from "../../test/fixture.ts";')).toContain("nothing outside of it");
  expect(verdict("lib/ids.ts", 'import manifest from "../../package.json";')).toContain("only version.ts");
});
