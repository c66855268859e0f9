import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postChat } from "../support/chat.ts";
import { startRig, until } from "../support/e2e.ts";
import { startGateway } from "../support/gateway.ts";

/** The longest time that records may wait before they are written, and some more for a loaded machine. */
const flushWindowMs = 200 + 150;

/** Runs eight clients against the gateway until it is killed; returns when each answered request was complete. */
async function loadUntilKilled(
  gateway: { url: string },
  kill: () => void,
  afterMs: number,
): Promise<Map<string, number>> {
  const finished = new Map<string, number>();
  const load = { isOver: false };
  async function client(): Promise<void> {
    for (let count = 0; !load.isOver; count += 1) {
      try {
        const response = await postChat(gateway, { model: "orcestator", stream: count % 2 === 0 });
        await response.text();
        finished.set(response.headers.get("x-request-id") ?? "none", performance.now());
      } catch {
        return;
      }
    }
  }
  const clients = Array.from({ length: 8 }, client);
  await Bun.sleep(afterMs);
  kill();
  load.isOver = true;
  await Promise.all(clients);
  return finished;
}

test("kill -9 under load corrupts nothing and loses at most the last flush window", async () => {
  const directory = await mkdtemp(join(tmpdir(), "orcestator-audit-"));
  const path = join(directory, "audit.db");
  let known = 0;
  // Twice into the same file: the second start must also recover what the first kill left.
  for (const afterMs of [700, 1100]) {
    const rig = await startRig({ env: { OR_DB_PATH: path } });
    let killedAt = Infinity;
    const kill = () => {
      killedAt = performance.now();
      rig.gateway.signal("SIGKILL");
    };
    const finished = await loadUntilKilled(rig.gateway, kill, afterMs);
    await rig.gateway.exited;
    const database = new Database(path);
    const check = database.query<{ integrity_check: string }, []>("PRAGMA integrity_check").all();
    expect(check).toEqual([{ integrity_check: "ok" }]);
    const rows = new Set(
      database
        .query<{ id: string }, []>("SELECT id FROM requests")
        .values()
        .map(([id]) => String(id)),
    );
    database.close();
    const due = [...finished].filter(([, at]) => at < killedAt - flushWindowMs).map(([id]) => id);
    expect(due.length).toBeGreaterThan(50);
    expect(due.filter((id) => !rows.has(id))).toEqual([]);
    expect(rows.size).toBeGreaterThan(known);
    known = rows.size;
    await rig[Symbol.asyncDispose]();
  }
  await rm(directory, { recursive: true, force: true });
}, 30_000);

test("a stop by signal loses no record", async () => {
  const directory = await mkdtemp(join(tmpdir(), "orcestator-audit-"));
  const path = join(directory, "audit.db");
  await using rig = await startRig({ env: { OR_DB_PATH: path } });
  const ids: (string | null)[] = [];
  for (let index = 0; index < 40; index += 1) {
    const response = await postChat(rig.gateway, { model: "orcestator", stream: index % 2 === 0 });
    await response.text();
    ids.push(response.headers.get("x-request-id"));
  }
  rig.gateway.signal("SIGTERM");
  expect(await rig.gateway.exited).toBe(0);
  const database = new Database(path, { readonly: true });
  const rows = database.query<Record<string, unknown>, []>("SELECT * FROM requests ORDER BY started_at").all();
  database.close();
  expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(ids));
  expect(rows[0]).toMatchObject({
    model_asked: "orcestator",
    provider: "openrouter",
    status: 200,
    end_reason: "completed",
    attempts: 1,
    tokens_input: 8,
    tokens_cache_read: 4,
    tokens_output: 5,
    tokens_reasoning: 2,
    cost_usd: 0.000123,
    finish_reason: "stop",
  });
  await rm(directory, { recursive: true, force: true });
});

test("models that clients invent are one in statistics, and the log still says what was asked for", async () => {
  const configText = JSON.stringify({ providers: { dummy: { type: "dummy", models: ["m"] } } });
  const env = { OR_API_KEY: undefined, OR_DB_PATH: "audit.db", AUTH_TOKEN: "admin-token-of-the-test" };
  await using gateway = await startGateway({ configText, env });
  const headers = { authorization: `Bearer ${env.AUTH_TOKEN}` };
  const ask = (path: string, init: RequestInit = {}) => fetch(`${gateway.origin}${path}`, { ...init, headers });
  const issued = await ask("/api/keys", { method: "POST", body: JSON.stringify({ name: "guest", rpm: 2 }) });
  const { key } = (await issued.json()) as { key: string };
  const statuses: Record<number, number> = {};
  for (const model of ["m", "m", "m", ...Array.from({ length: 20 }, (_, at) => `made-up-${at}`)]) {
    const { status } = await postChat(gateway, { model }, { headers: { authorization: `Bearer ${key}` } });
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  expect(statuses).toEqual({ 200: 2, 429: 1, 404: 20 });
  const stats = async () => (await (await ask("/api/stats")).json()) as { rows: { group: string; requests: number }[] };
  let rows: (readonly [string, number])[] = [];
  await until(async () => {
    rows = (await stats()).rows.map(({ group, requests }) => [group, requests] as const);
    return rows.reduce((sum, [, count]) => sum + count, 0) === 23;
  }, "all requests to be counted");
  expect(rows).toEqual([
    ["other", 20],
    ["m", 3],
  ]);
  const { data } = (await (await ask("/api/logs?model=made-up-7")).json()) as { data: { modelAsked: string }[] };
  expect(data.map(({ modelAsked }) => modelAsked)).toEqual(["made-up-7"]);
});
