import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatExplanation } from "../../src/cli/explain-format.ts";
import { createPalette } from "../../src/cli/output.ts";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import { localDay, localTime } from "../../src/telemetry/local-time.ts";
import { createRequestRing } from "../../src/telemetry/request-ring.ts";
import { unknownUsage, type RequestRecord } from "../../src/telemetry/request-record.ts";
import { requestView, viewJson } from "../../src/telemetry/request-view.ts";
import { forSeeds } from "../lib/seeded.ts";
import { makeRecord } from "../support/make-record.ts";
import { failoverRecord, hedgeRecord, makeAttempt, makeTrail } from "../support/make-trail.ts";
import { createRandom, randomText } from "../support/random.ts";
import { adminToken, serveRequests } from "../support/request-server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { runCli } from "./run-cli.ts";

const plain = { width: Number.POSITIVE_INFINITY, colors: createPalette(false) };
const unknownId = "req_000000000000000000000zzz";

function timeOf({ startedAt }: RequestRecord): string {
  return `${localDay(startedAt)} ${localTime(startedAt)}`;
}

async function writeDatabase(path: string, records: RequestRecord[]): Promise<void> {
  const store = openSqliteStore({ path, onWarning: () => undefined });
  await store.requests.insert(records);
  await store.close();
}

function gatewayWith(records: readonly RequestRecord[]) {
  const ring = createRequestRing();
  for (const record of records) ring.add(record);
  const { url, server } = serveRequests({ ring, stored: undefined });
  return { url, port: String(server.port), [Symbol.dispose]: () => void server.stop(true) };
}

test("a failover with three attempts and a wait is told in aligned columns", () => {
  const record = failoverRecord();
  expect(formatExplanation(record, plain).split("\n")).toEqual([
    `req_mfcsd0p9k3v7x2b8n5q1w4z6  ${timeOf(record)}  200 completed`,
    "",
    'key-1a2b3c4d (127.0.0.1) asked for model "smart" (openai-chat, streamed).',
    'routes[1] turned it to model "cheap".',
    "Targets were chosen by strategy weighted.",
    "The target of an earlier request could not be kept to.",
    "",
    "Targets",
    "provider  model     state      score  choice",
    "claude    claude-x  degraded       3  in line",
    "groq      llama-x   healthy        1  in line",
    "local     qwen      unhealthy      -  left out: circuit open for 12 s: connection refused",
    "",
    "Way",
    "   at   took  kind      provider  model     credential  outcome                  note",
    "  4ms  120ms  first     claude    claude-x  #1 …a1b2    upstream_overloaded 529  claude answered 529: Overloaded.",
    "374ms   95ms  retry     claude    claude-x  #1 …a1b2    upstream_overloaded 529  claude answered 529: Overloaded.",
    "470ms                                                                            waited 200 ms for a place at groq",
    "670ms  540ms  failover  groq      llama-x   #2 …c3d4    ok",
    "",
    "It was translated into the upstream's protocol and back (lane translate).",
    "Not carried to the upstream: logit_bias, seed.",
    "Tokens: 2000 in (800 from a cache), 400 out (60 of reasoning).",
    "Cost: $0.0123, as the upstream says.",
    "It was answered with status 200 after 2.5 s, first content after 1.2 s, 4 ms of it the gateway's own work.",
  ]);
});

test("a hedge shows who was called off, and columns that say nothing are left out", () => {
  const record = hedgeRecord();
  expect(formatExplanation(record, plain).split("\n").slice(5, 9)).toEqual([
    "Way",
    "   at   took  kind   provider  model     credential  outcome",
    "  3ms  790ms  first  claude    claude-x  #1 …a1b2    called_off",
    "503ms  290ms  hedge  groq      llama-x   none        ok",
  ]);
});

test("a plain request has one attempt and no table of targets", () => {
  const text = formatExplanation(makeRecord({ credential: "#1 …a1b2", lane: "same" }), plain);
  expect(text).not.toContain("Targets");
  expect(text).toContain("1ms  99ms  first  openrouter  openai/gpt-4o  #1 …a1b2    ok");
  const refused = { attempts: 0, provider: undefined, status: 404, endReason: "rejected" } as const;
  const none = formatExplanation(makeRecord({ ...refused, usage: unknownUsage, usageSource: "none" }), plain);
  expect(none).not.toContain("Way");
  expect(none).toContain("The gateway refused it with status 404");
});

test("the tables of a terminal of 100 columns fit into it", () => {
  const record = failoverRecord();
  for (const attempt of record.trail?.attempts ?? []) attempt.model = `vendor/${"long-".repeat(9)}x`;
  const lines = formatExplanation(record, { width: 100, colors: createPalette(false) }).split("\n");
  const from = lines.indexOf("Targets");
  for (const line of lines.slice(from, from + 11)) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(100);
});

test("colours are there where they are wanted, and change nothing else", () => {
  const record = failoverRecord();
  const coloured = formatExplanation(record, { ...plain, colors: createPalette(true) });
  expect(coloured).toContain("\u001b[32mok");
  expect(Bun.stripANSI(coloured).replaceAll(/ +$/gm, "")).toBe(formatExplanation(record, plain));
});

test("hostile names, causes and errors cannot rule the terminal or break a line", () => {
  forSeeds(200, (_random, seed) => {
    const next = createRandom(seed);
    const text = (): string => randomText(next) + randomText(next);
    const attempts = [
      makeAttempt({ provider: text(), model: text(), credential: text(), outcome: text(), cause: text() }),
    ];
    const candidates = [{ provider: text(), model: text(), state: text(), score: 1, skipped: text() }];
    const record = makeRecord({ id: text(), modelAsked: text(), trail: makeTrail({ attempts, candidates }) });
    const lines = formatExplanation(record, plain).split("\n");
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    expect(lines.join("")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    expect(lines.filter((line) => line.includes("asked for"))).toHaveLength(1);
  });
});

test("a running gateway is asked first, with the token of the environment", async () => {
  using temporary = temporaryFolder();
  const record = failoverRecord();
  using gateway = gatewayWith([makeRecord(), record]);
  const options = { cwd: temporary.path, env: { OR_PORT: gateway.port, AUTH_TOKEN: adminToken } };
  for (const id of [record.id, "last"]) {
    const result = await runCli(["explain", id], options);
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    expect(result.stdout).toBe(`${formatExplanation(record, plain)}\n`);
  }
  const json = await runCli(["explain", "last", "--json"], options);
  expect(JSON.parse(json.stdout)).toEqual(JSON.parse(viewJson(requestView(record))));
});

test("a gateway elsewhere is asked with --url and --token, and nothing else is looked into", async () => {
  using temporary = temporaryFolder();
  const record = failoverRecord();
  using gateway = gatewayWith([record]);
  await writeDatabase(join(temporary.path, "audit.db"), [failoverRecord({ id: unknownId })]);
  const options = { cwd: temporary.path, env: { OR_DB_PATH: "audit.db" } };
  const where = ["--url", `${gateway.url}/`];
  const found = await runCli(["explain", record.id, ...where, "--token", adminToken], options);
  expect(found.stdout).toContain('routes[1] turned it to model "cheap".');
  const missing = await runCli(["explain", unknownId, ...where, "--token", adminToken], options);
  expect(missing).toMatchObject({ exitCode: 1, stdout: "" });
  expect(missing.stderr).toContain(`Request ${unknownId} is not known here: the last 2000 requests`);
  const wrong = await runCli(["explain", "last", ...where, "--token", "wrong-token"], options);
  expect(wrong.stderr).toContain("answered 401: it does not accept this token");
  const none = await runCli(["explain", "last", ...where], options);
  expect(none.stderr).toContain("pass the gateway's admin token with --token, or set AUTH_TOKEN");
});

test("the database tells where the gateway cannot be asked, does not answer or does not know", async () => {
  using temporary = temporaryFolder();
  const record = failoverRecord();
  await writeDatabase(join(temporary.path, "audit.db"), [makeRecord(), record]);
  using gateway = gatewayWith([]);
  const cwd = temporary.path;
  const env = { OR_DB_PATH: "audit.db", OR_PORT: gateway.port };
  for (const [changes, why] of [
    [{}, "cannot be asked without its admin token"],
    [{ OR_PORT: "1", AUTH_TOKEN: adminToken }, "nothing listens there"],
    [{ AUTH_TOKEN: "another-token" }, "does not accept this token"],
    [{ AUTH_TOKEN: adminToken }, "not known here"],
  ] as const) {
    const result = await runCli(["explain", record.id], { cwd, env: { ...env, ...changes } });
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toBe(`${formatExplanation(record, plain)}\n`);
    expect(result.stderr).toContain(why);
    expect(result.stderr).toContain("looking into audit.db.");
  }
  const last = await runCli(["explain", "last"], { cwd, env: { ...env, AUTH_TOKEN: adminToken } });
  expect(last.stdout).toContain(record.id);
  expect(last.stderr).toContain("has ended no request since its start");
  expect(readdirSync(cwd)).toEqual(["audit.db"]);
});

test("a database can be named, and JSON from it can rule no terminal", async () => {
  using temporary = temporaryFolder();
  const record = failoverRecord({ modelAsked: "a\u009b31m\u2028b" });
  await writeDatabase(join(temporary.path, "audit.db"), [record]);
  const { stdout, stderr, exitCode } = await runCli(["explain", "last", "--db", "sqlite://audit.db", "--json"], {
    cwd: temporary.path,
  });
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  expect(stdout).toContain(String.raw`"modelAsked": "a\u009b31m\u2028b"`);
  expect(JSON.parse(stdout)).toMatchObject({ id: record.id, modelAsked: record.modelAsked, task: null });
});

test("what cannot be found ends with exit code 1 and says why it may be", async () => {
  using temporary = temporaryFolder();
  const cwd = temporary.path;
  const nothing = await runCli(["explain", "last"], { cwd, env: { OR_PORT: "1" } });
  expect(nothing).toMatchObject({ exitCode: 1, stdout: "" });
  expect(nothing.stderr).toContain("cannot be asked without its admin token");
  expect(nothing.stderr).toContain("No audit database is configured either (storage.url, OR_DB_PATH)");
  const early = await runCli(["explain", "last"], { cwd, env: { OR_PORT: "1", OR_DB_PATH: "audit.db" } });
  expect(early.stderr).toContain("There is no database audit.db yet either");
  await writeDatabase(join(cwd, "audit.db"), []);
  const empty = await runCli(["explain", "last", "--db", "audit.db"], { cwd });
  expect(empty.stderr).toContain("there is no request in audit.db");
  const unknown = await runCli(["explain", unknownId, "--db", "audit.db"], { cwd });
  expect(unknown.stderr).toContain(`there is no request ${unknownId} in audit.db: it went through another gateway`);
  writeFileSync(join(cwd, "text.db"), "no database at all, but long enough to be looked at as one".repeat(20));
  const broken = await runCli(["explain", "last", "--db", "text.db"], { cwd });
  expect(broken.stderr).toContain("cannot read text.db: file is not a database");
  for (const { exitCode, stdout } of [early, empty, unknown, broken])
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(readdirSync(cwd).sort()).toEqual(["audit.db", "text.db"]);
});

test("a server that is no gateway is named as such", async () => {
  using temporary = temporaryFolder();
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json({ ok: true }) });
  const url = `http://127.0.0.1:${server.port}`;
  for (const id of ["last", unknownId]) {
    const result = await runCli(["explain", id, "--url", url, "--token", "t"], { cwd: temporary.path });
    expect(result).toMatchObject({ exitCode: 1, stdout: "" });
    expect(result.stderr).toContain("is that the gateway?");
  }
});

test("wrong usage ends with exit code 2 and says what to write", async () => {
  using temporary = temporaryFolder();
  for (const [args, message] of [
    [["req_1"], "req_1 is no request's id: write the x-request-id of its answer"],
    [["last", "--db", "a", "--url", "http://h"], "--db and --url cannot be combined"],
    [["last", "--url", "ftp://h"], "ftp://h is no http:// or https:// URL"],
  ] as const) {
    const result = await runCli(["explain", ...args], { cwd: temporary.path });
    expect(result).toMatchObject({ exitCode: 2, stdout: "" });
    expect(result.stderr).toContain(message);
  }
});
