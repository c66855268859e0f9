import type { ClosedResult, LoadOptions, StreamsResult } from "./load.ts";
import { baseUrl, clientKey, type Bench, type Party } from "./parties.ts";
import { gatewayCore, loadCore, residentMb, runScript, start } from "./process.ts";
import { closedLoopWithWrk, hasWrk } from "./wrk.ts";

const message = "Explain in two sentences why the sky is blue, as if to a child who asks a lot of questions. ".repeat(
  2,
);

function chatBody(model: string, stream: boolean): string {
  return JSON.stringify({
    model,
    stream,
    temperature: 0.2,
    max_tokens: 4000,
    messages: [{ role: "user", content: message }],
  });
}

function optionsFor(party: Party, rest: Omit<LoadOptions, "url" | "key" | "pid">): LoadOptions {
  return { url: party.url, key: party.key ?? clientKey, ...rest, ...(party.pid !== undefined && { pid: party.pid }) };
}

async function runLoad(kind: "closed" | "streams", options: LoadOptions): Promise<unknown> {
  return JSON.parse(await runScript("load.ts", [kind, JSON.stringify(options)], loadCore));
}

export async function measureRequests(
  party: Party,
  options: { connections: number; seconds: number },
): Promise<ClosedResult> {
  const load = optionsFor(party, { ...options, body: chatBody("bench/json", false) });
  if (hasWrk && options.connections > 1) return closedLoopWithWrk(load);
  return (await runLoad("closed", load)) as ClosedResult;
}

export interface StreamShape {
  connections: number;
  everyMs: number;
  seconds: number;
}

export async function measureStreams(
  party: Party,
  { connections, everyMs, seconds }: StreamShape,
): Promise<StreamsResult> {
  const rampMs = Math.max(500, connections);
  const framesPerStream = Math.ceil((seconds * 1000 + rampMs + 3000) / everyMs);
  const body = chatBody(`bench/stream-${everyMs}-${framesPerStream}`, true);
  return (await runLoad("streams", optionsFor(party, { connections, seconds, rampMs, body }))) as StreamsResult;
}

/** Memory of a fresh gateway: at rest after its first requests, and with 1,000 streams open. */
export async function measureMemory(bench: Bench): Promise<{ idleMb: number; openMb: number; streams: StreamsResult }> {
  const gateway = await bench.startGateway();
  await measureRequests(gateway, { connections: 1, seconds: 0.2 });
  await Bun.sleep(2000);
  const idleMb = residentMb(gateway.pid);
  const measuring = measureStreams(gateway, { connections: 1000, everyMs: 1000, seconds: 4 });
  await Bun.sleep(4500);
  const openMb = residentMb(gateway.pid);
  const streams = await measuring;
  await gateway.stop();
  return { idleMb, openMb, streams };
}

function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health`)).status === 200;
  } catch {
    return false;
  }
}

/** Milliseconds from exec to the first 200 of `/health`. */
export async function measureStart(bench: Bench, directory: string): Promise<number> {
  const port = freePort();
  const startedAt = performance.now();
  const env = {
    HOME: directory,
    OR_API_KEY: "sk-bench",
    OR_BASE_URL: bench.mock,
    OR_HOST: "127.0.0.1",
    OR_DB_PATH: `${directory}/start.db`,
  };
  const command = [...bench.gatewayCommand, "serve", "--port", String(port), "--metrics-port", "0"];
  const started = start(command, { core: gatewayCore, cwd: directory, env, errorFile: `${directory}/console.log` });
  const reading = new Response(started.process.stdout).bytes();
  let elapsedMs = Number.NaN;
  while (performance.now() - startedAt < 5000) {
    if (await isHealthy(port)) {
      elapsedMs = performance.now() - startedAt;
      break;
    }
    await Bun.sleep(1);
  }
  await started.stop();
  await reading;
  return elapsedMs;
}

/** One gateway, asked in the upstream's own protocol and in one that has to be translated. */
export async function startTranslating(
  bench: Bench,
): Promise<{ same: Party; translated: Party; stop: () => Promise<void> }> {
  const gateway = await bench.startGateway({
    configText: `providers:
  mock: {type: openai-compatible, baseUrl: "${baseUrl(bench.mock)}", credentials: [sk], acceptsAnyModel: true}
`,
  });
  const { pid, url } = gateway;
  return {
    same: { name: "same lane", pid, url },
    translated: { name: "Anthropic client", pid, url: url.replace("/chat/completions", "/messages") },
    stop: () => gateway.stop(),
  };
}

/** Three targets with weights and credentials, and every kind of limit, none of which is ever reached. */
function everythingOn(url: string): string {
  const limits = "rpm: 100000000, tpm: 100000000000, concurrency: 100000";
  const provider = `{type: openai-compatible, baseUrl: "${url}", credentials: [{key: sk-1, ${limits}}, {key: sk-2, ${limits}}], ${limits}}`;
  return `providers:
  one: ${provider}
  two: ${provider}
  three: ${provider}
models:
  bench/json:
    strategy: weighted
    ${limits.replaceAll(", ", "\n    ")}
    targets:
      - {provider: one, model: bench/json, weight: 3}
      - {provider: two, model: bench/json}
      - {provider: three, model: bench/json}
limits:
  total: {${limits}}
  key: {${limits}}
  address: {${limits}}
`;
}

/** Gateways that differ in what all but one of them do besides. */
export interface Lineup {
  readonly plain: Party;
  readonly full: Party;
  /** With even more, which no goal is set for. */
  readonly more: readonly Party[];
  readonly stop: () => Promise<void>;
}

/** A gateway with one target and no limits, and one with everything on. */
export async function startRouting(bench: Bench): Promise<Lineup> {
  const url = baseUrl(bench.mock);
  const plain = await bench.startGateway({
    configText: `providers:
  one: {type: openai-compatible, baseUrl: "${url}", credentials: [sk]}
models:
  bench/json: {targets: [{provider: one, model: bench/json}]}
`,
  });
  const routed = await bench.startGateway({ configText: everythingOn(url) });
  return {
    plain: { name: "one target, no limits", pid: plain.pid, url: plain.url },
    full: { name: "three targets, all limits", pid: routed.pid, url: routed.url },
    more: [],
    async stop() {
      await plain.stop();
      await routed.stop();
    },
  };
}

const adminToken = "bench-admin";

async function issueKey({ url }: Party, more: object): Promise<string> {
  const ample = { rpm: 100_000_000, tpm: 1_000_000_000, concurrency: 100_000 };
  const response = await fetch(new URL("/api/keys", url), {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ name: "bench", ...ample, ...more }),
  });
  if (response.status !== 201) throw new Error(`No key was issued: ${await response.text()}`);
  const { key } = (await response.json()) as { key: string };
  return key;
}

/** A gateway that lets everybody in and has no database, and ones with virtual keys, limits and records. All log. */
export async function startKeys(bench: Bench): Promise<Lineup> {
  const configText = `providers:
  one: {type: openai-compatible, baseUrl: "${baseUrl(bench.mock)}", credentials: [sk], models: [bench/json]}
prices: {models: {"one/*": {input: 1, output: 2}}}
`;
  const noKeys = { ORCH_INBOUND_API_KEYS: undefined, OR_METRICS_DIR: undefined };
  const budgets = ["hour", "month"].map((window) => ({ usd: 1_000_000, window }));
  const plain = await bench.startGateway({ configText, env: { ...noKeys, OR_DB_PATH: undefined } });
  const started = [plain];

  async function withKey(name: string, more: object): Promise<Party> {
    const gateway = await bench.startGateway({ configText, env: { ...noKeys, AUTH_TOKEN: adminToken } });
    started.push(gateway);
    return { name, pid: gateway.pid, url: gateway.url, key: await issueKey(gateway, more) };
  }

  return {
    plain: { name: "no keys, no records", pid: plain.pid, url: plain.url },
    full: await withKey("keys, limits, records", {}),
    more: [await withKey("keys, limits, records, two budgets", { budgets })],
    async stop() {
      for (const gateway of started) await gateway.stop();
    },
  };
}

export interface Starvation {
  slowOpen: number;
  answered: number;
  slowestMs: number;
}

/** 600 slow streams to one upstream, then 50 calls to another through the same gateway. */
export async function measureStarvation(bench: Bench): Promise<Starvation> {
  const quick = baseUrl(await bench.startMock());
  const gateway = await bench.startGateway({
    configText: `providers:
  slow: {type: openai-compatible, baseUrl: "${baseUrl(bench.mock)}", credentials: [sk], acceptsAnyModel: true}
  quick: {type: openai-compatible, baseUrl: "${quick}", credentials: [sk]}
models:
  quick: {targets: [{provider: quick, model: bench/json}]}
`,
  });
  const slow = measureStreams(gateway, { connections: 600, everyMs: 1000, seconds: 4 });
  await Bun.sleep(2000);
  const headers = { authorization: `Bearer ${clientKey}`, "content-type": "application/json" };
  const startedAt = performance.now();
  const statuses = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const response = await fetch(gateway.url, { method: "POST", headers, body: chatBody("quick", false) });
      await response.bytes();
      return response.status;
    }),
  );
  const slowestMs = performance.now() - startedAt;
  const { open } = await slow;
  await gateway.stop();
  return { slowOpen: open, answered: statuses.filter((status) => status === 200).length, slowestMs };
}
