// `bun run proof:databases [--rate 300] [--away 5] [--binary PATH]`: MariaDB and PostgreSQL stand still, die and come back,
// and a gateway is killed, while requests go on. None waits, none is written twice, none is lost but those of the last moment.
import assert from "node:assert/strict";
import { type DatabaseServer, queryServer, startDatabaseServer } from "../../test/support/database-servers.ts";
import { type Gateway, startGateway } from "../../test/support/gateway.ts";
import { type Checks, prove } from "./checks.ts";
import { median, within } from "./figures.ts";
import { atRate, createLoadClient, type LoadResult, postRequest } from "./load-client.ts";
import { numberOptions } from "./options.ts";

const options = numberOptions({ rate: 300, away: 5 });
const calmSeconds = 3;
const afterSeconds = 6;
const recoveryMs = 5000;
const delayMs = 100;
/** Records that a killed gateway may take with it: those of its last batch, and of the one under way. */
const flushMs = 1000;
const outages = ["freeze", "kill"] as const;
type Outage = (typeof outages)[number];

const configText = JSON.stringify({
  logging: { file: "", level: "warn" },
  providers: { dummy: { type: "dummy" } },
  models: Object.fromEntries(
    [...outages, "crash", "usual"].map((name) => [name, { targets: [{ provider: "dummy", model: "m" }] }]),
  ),
});

interface Place {
  readonly server: DatabaseServer;
  readonly url: string;
}

interface Answered extends LoadResult {
  readonly endedAt: number;
}

function start({ url }: Place): Promise<Gateway> {
  return startGateway({ configText, env: { OR_API_KEY: undefined, DATABASE_URL: url } });
}

/** Asks for a model at the usual rate; `during` runs meanwhile. */
async function underLoad(gateway: Gateway, model: string, during: () => Promise<void>): Promise<Answered[]> {
  const client = createLoadClient(gateway.port);
  const bytes = postRequest("/v1/chat/completions", { model, messages: [{ role: "user", content: "Hi" }] });
  const answers: Answered[] = [];
  const seconds = calmSeconds + options.away + afterSeconds;
  const load = atRate({ rate: options.rate, seconds }, async () => {
    const result = await client.send(bytes);
    answers.push({ ...result, endedAt: performance.now() });
  });
  await Promise.all([load, during()]);
  client.close();
  return answers;
}

async function rowsOf({ url }: Place, model: string): Promise<number> {
  const [row] = await queryServer(url, `SELECT count(*) AS requests FROM requests WHERE model_asked = '${model}'`);
  return Number(row?.["requests"]);
}

async function countedIn({ url }: Place): Promise<{ rows: number; counted: number }> {
  const [rows] = await queryServer(url, "SELECT count(*) AS requests FROM requests");
  const [totals] = await queryServer(
    url,
    "SELECT sum(requests) AS requests FROM usage_totals WHERE id >= 'hour/' AND id < 'hour0'",
  );
  return { rows: Number(rows?.["requests"]), counted: Number(totals?.["requests"]) };
}

async function interrupt({ server }: Place, outage: Outage): Promise<void> {
  await Bun.sleep(calmSeconds * 1000);
  if (outage === "freeze") server.freeze();
  else await server.kill();
  await Bun.sleep(options.away * 1000);
  if (outage === "freeze") server.thaw();
  else await server.start();
}

async function proveOutage(checks: Checks, place: Place, outage: Outage): Promise<void> {
  await using gateway = await start(place);
  const calm = await underLoad(gateway, "usual", () => Promise.resolve());
  let backAt = 0;
  const answers = await underLoad(gateway, outage, async () => {
    await interrupt(place, outage);
    backAt = performance.now();
  });
  const usual = median(calm.map(({ ms }) => ms));
  const noise = Math.max(...calm.map(({ ms }) => ms)) - usual;
  const longest = Math.max(...answers.map(({ ms }) => ms)) - usual;
  console.log(`        ${outage}: usually ${usual.toFixed(1)} ms, then at most ${longest.toFixed(1)} ms more`);
  await checks.check(`${outage}: every one of ${answers.length} requests was served`, () =>
    assert.equal(answers.filter(({ status }) => status !== 200).length, 0),
  );
  await checks.check(`${outage}: none was delayed by more than ${delayMs} ms`, () =>
    assert(longest <= delayMs + noise, `${longest.toFixed(1)} ms`),
  );
  await checks.check(`${outage}: all are written within ${recoveryMs} ms, each once`, async () => {
    const isWritten = async (): Promise<boolean> => (await rowsOf(place, outage)) === answers.length;
    await within(2 * recoveryMs, isWritten, 50);
    const ms = performance.now() - backAt;
    console.log(`        ${await rowsOf(place, outage)} rows, ${Math.round(ms)} ms after the server was back`);
    assert.equal(await rowsOf(place, outage), answers.length);
    assert(ms <= Math.max(recoveryMs, afterSeconds * 1000 + 1000), `${Math.round(ms)} ms`);
  });
}

async function proveCrash(checks: Checks, place: Place): Promise<void> {
  const gateway = await start(place);
  let killedAt = Infinity;
  const answers = await underLoad(gateway, "crash", async () => {
    await Bun.sleep(calmSeconds * 1000);
    killedAt = performance.now();
    gateway.signal("SIGKILL");
    await gateway.exited;
  });
  await gateway.stop();
  const served = answers.filter(({ status }) => status === 200);
  const safe = served.filter(({ endedAt }) => endedAt < killedAt - flushMs);
  const rows = await rowsOf(place, "crash");
  console.log(`        crash: ${served.length} answered, ${safe.length} of them before the last second; ${rows} rows`);
  await checks.check("crash: nothing older than the last second is lost, nothing is written twice", () => {
    assert(safe.length > 0 && rows >= safe.length && rows <= served.length + options.rate);
  });
}

async function proveEngine(checks: Checks, name: "mariadb" | "postgres"): Promise<void> {
  const server = await startDatabaseServer(name);
  if (server === undefined) throw new Error(`This needs ${name}`);
  try {
    const place = { server, url: await server.createDatabase() };
    console.log(name);
    for (const outage of outages) await proveOutage(checks, place, outage);
    await proveCrash(checks, place);
    await checks.check("the totals say what the rows say", async () => {
      const { rows, counted } = await countedIn(place);
      console.log(`        ${rows} rows, ${counted} in the totals`);
      assert.equal(counted, rows);
    });
  } finally {
    await server.stop();
  }
}

process.exit(
  await prove(async (checks) => {
    await proveEngine(checks, "mariadb");
    await proveEngine(checks, "postgres");
  }),
);
