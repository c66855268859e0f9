// `bun scripts/proof/retry-storm.ts [--seconds 60] [--rate 500] [--binary PATH]`: an upstream of pure 503 under load.
// Retries must not add to its trouble, circuits must open, one request at a time may try, and all is well when it is.
import assert from "node:assert/strict";
import { startGateway, type Gateway } from "../../test/support/gateway.ts";
import { prove, type Checks } from "./checks.ts";
import { startCountingUpstream, type CountingUpstream } from "./counting-upstream.ts";
import { tally, within } from "./figures.ts";
import { atRate, createLoadClient, postRequest, type LoadClient } from "./load-client.ts";
import { numberOptions } from "./options.ts";

const options = numberOptions({ seconds: 60, rate: 500 });
const token = "admin-token-0001";
const cooldownSeconds = 1;
const longestOpenSeconds = 4;

/** Targets of the models: `one` and `two` have nothing that works, `spare` has. */
const targets = { one: ["one-a"], two: ["two-a", "two-b"], spare: ["spare-a", "good"] } as const;
type Model = keyof typeof targets;
const models = Object.keys(targets) as Model[];
const failing = ["one-a", "two-a", "two-b", "spare-a"] as const;

function configFor(url: string): string {
  const entries = models.map((model) => [
    model,
    { targets: targets[model].map((name) => ({ provider: "upstream", model: name })) },
  ]);
  return JSON.stringify({
    logging: { file: "", level: "error" },
    health: { probes: false, cooldown: `${cooldownSeconds}s`, retryAfter: `${longestOpenSeconds}s` },
    providers: { upstream: { type: "openai-compatible", baseUrl: url, credentials: ["sk-proof-0123456789"] } },
    models: Object.fromEntries(entries),
  });
}

interface Proof {
  checks: Checks;
  gateway: Gateway;
  upstream: CountingUpstream;
  client: LoadClient;
  requests: Readonly<Record<Model, Buffer>>;
}

interface TargetView {
  model: string;
  circuit: string;
  status: string;
}

async function circuits({ gateway }: Proof): Promise<Map<string, string>> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${gateway.origin}/api/providers/health`, { headers });
  assert.equal(response.status, 200, await response.clone().text());
  const found: unknown = await response.json();
  const views = (Array.isArray(found) ? found : (found as { providers: unknown[] }).providers) as {
    targets: TargetView[];
  }[];
  return new Map(views.flatMap((view) => view.targets.map(({ model, circuit }) => [model, circuit] as const)));
}

/** Loads all models in turn; the statuses that clients saw, by model. */
async function load({ client, requests }: Proof, seconds: number): Promise<Map<string, number>> {
  const seen: string[] = [];
  await atRate({ rate: options.rate, seconds }, async (index, due) => {
    const model = models[index % models.length] ?? "one";
    const { status } = await client.send(requests[model], due);
    seen.push(`${model} ${status}`);
  });
  return tally(seen);
}

function show(counts: Map<string, number>): void {
  for (const [what, count] of [...counts].toSorted(([left], [right]) => left.localeCompare(right)))
    console.log(`        ${what}: ${count}`);
}

async function openedWithin(proof: Proof, seconds: number): Promise<number | undefined> {
  const areOpen = async (): Promise<boolean> => {
    const states = await circuits(proof);
    return failing.every((model) => (states.get(model) ?? "closed") !== "closed");
  };
  return within(seconds * 1000, areOpen, 100);
}

async function storm(proof: Proof): Promise<void> {
  const { checks, upstream } = proof;
  for (const model of failing) upstream.behave(model, { status: 503 });
  // Slow enough that two at once would be seen.
  upstream.behave("spare-a", { delayMs: 200 });
  const opening = openedWithin(proof, 5);
  const watching = opening.then(() => {
    // Requests that began before the circuit opened may still be under way.
    return Bun.sleep(400).then(() => void upstream.takePeak("spare-a"));
  });
  const seen = await load(proof, options.seconds);
  await watching;
  show(seen);
  await checks.check("circuits open within 5 s", async () => {
    const ms = await opening;
    console.log(`        ${ms === undefined ? "never" : `${Math.round(ms)} ms`}`);
    assert(ms !== undefined);
  });
  for (const model of models) await checks.check(`attempts for '${model}'`, () => checkAttempts(proof, model, seen));
  await checks.check("while another target works, nobody notices", () => {
    const bad = [...seen].filter(([what]) => what.startsWith("spare ") && what !== "spare 200");
    assert.deepEqual(bad, []);
  });
  await checks.check("one request at a time tries whether it works again", () => {
    assert.equal(upstream.takePeak("spare-a"), 1);
  });
  await checks.check("clients of what does not work are told 503", () => {
    for (const model of ["one", "two"]) assert.equal(seen.get(`${model} 200`), undefined);
    assert.equal(
      [...seen.keys()].some((what) => what.endsWith(" 0")),
      false,
      "connections broke",
    );
  });
}

/** 20 % of retries at most, and three for each target. */
function checkAttempts({ upstream }: Proof, model: Model, seen: Map<string, number>): void {
  const requests = [...seen].reduce((sum, [what, count]) => (what.startsWith(`${model} `) ? sum + count : sum), 0);
  for (const target of targets[model]) {
    if (target === "good") continue;
    const attempts = upstream.requests(target);
    console.log(`        ${target}: ${attempts} attempts for ${requests} requests`);
    assert(attempts <= 1.2 * requests + 3, `${attempts} attempts for ${requests} requests`);
  }
}

async function recovery(proof: Proof): Promise<void> {
  const { checks, upstream } = proof;
  for (const model of failing) upstream.behave(model, { status: 200, delayMs: 0 });
  const closing = within(
    (longestOpenSeconds + 6) * 1000,
    async () => {
      const states = await circuits(proof);
      return failing.every((model) => (states.get(model) ?? "closed") === "closed");
    },
    100,
  );
  await load(proof, 3);
  const seen = await load(proof, longestOpenSeconds + 4);
  show(seen);
  await checks.check(`circuits close when the upstream is well again`, async () => {
    const ms = await closing;
    console.log(`        ${ms === undefined ? "never" : `${Math.round(ms)} ms`}`);
    assert(ms !== undefined);
  });
  await checks.check("and every request is answered", () => {
    assert.deepEqual([...seen.keys()].sort(), models.map((model) => `${model} 200`).sort());
  });
}

async function proveStorm(checks: Checks): Promise<void> {
  const upstream = startCountingUpstream();
  const gateway = await startGateway({
    configText: configFor(upstream.url),
    env: { OR_API_KEY: undefined, AUTH_TOKEN: token },
  });
  const client = createLoadClient(gateway.port);
  const messages = [{ role: "user", content: "Hi" }];
  const requests = Object.fromEntries(
    models.map((model) => [model, postRequest("/v1/chat/completions", { model, messages })]),
  ) as Record<Model, Buffer>;
  const proof: Proof = { checks, gateway, upstream, client, requests };
  try {
    console.log(`Retry storm: ${options.rate} requests a second at pure 503 for ${options.seconds} s`);
    await storm(proof);
    await recovery(proof);
  } finally {
    client.close();
    await gateway.stop();
    await upstream.stop();
  }
}

process.exit(await prove(proveStorm));
