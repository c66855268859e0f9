// `bun scripts/proof/client-aborts.ts [--aborts 30000] [--width 200] [--binary PATH]`: clients that leave at random moments.
// Nothing may be left of them: no stream upstream, no socket, no memory.
import assert from "node:assert/strict";
import { createFaultUpstream, faultModel, type FaultUpstream } from "../../test/support/fault-upstream.ts";
import { inParallel } from "../../test/support/e2e.ts";
import { startGateway, type Gateway } from "../../test/support/gateway.ts";
import { createRandom } from "../../test/support/random.ts";
import { prove, type Checks } from "./checks.ts";
import { openFiles, residentMib, within } from "./figures.ts";
import { postRequest } from "./load-client.ts";
import { numberOptions } from "./options.ts";

const options = numberOptions({ aborts: 30_000, width: 200, warmup: 6000 });
const longestStayMs = 150;
const graceMs = 2000;

/** What the upstream does meanwhile: nothing, begins and falls silent, goes on and on, or answers well in time. */
const faults = ["silent", "head-silent", "half-silent", "half-dribble", "late-head", "paced", "good", "status:503"];
const random = createRandom(20_261_121);

const requests = faults.flatMap((fault) =>
  [true, false].map((stream) => {
    const body = { model: fault.replace(":", "-"), stream, messages: [{ role: "user", content: "Hi 👋" }] };
    return postRequest("/v1/chat/completions", body);
  }),
);

/** Sends a request and leaves after a while, with a reset or an orderly end. */
async function visit(port: number): Promise<void> {
  const request = requests[Math.floor(random() * requests.length)];
  const stayMs = random() * longestStayMs;
  const isRude = random() < 0.5;
  const { promise: left, resolve } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data: () => undefined, close: () => resolve(), error: () => resolve() },
  });
  socket.write(request ?? "");
  await Bun.sleep(stayMs);
  if (isRude) socket.terminate();
  else socket.end();
  await left;
}

interface Figures {
  /** Connections that are kept for the next request upstream do not count. */
  files: number;
  mib: number;
}

interface Proof {
  checks: Checks;
  gateway: Gateway;
  upstream: FaultUpstream;
}

function filesOf({ gateway, upstream }: Proof): number {
  return openFiles(gateway.pid) - upstream.connections();
}

/** Open files as soon as they are no more than before, and memory once it has come to rest. */
async function figuresOf(proof: Proof, before?: Figures): Promise<Figures> {
  const { gateway } = proof;
  if (before !== undefined) await within(20_000, () => filesOf(proof) <= before.files, 100);
  let mib = Number.POSITIVE_INFINITY;
  // What is freed is given back by and by.
  await within(
    10_000,
    () => {
      mib = Math.min(mib, residentMib(gateway.pid));
      return before !== undefined && mib <= before.mib * 1.1;
    },
    250,
  );
  return { files: filesOf(proof), mib };
}

async function leaveOften({ gateway, upstream }: Proof, count: number): Promise<void> {
  const startedAt = performance.now();
  await inParallel(count, options.width, () => visit(gateway.port));
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `        ${count} clients left in ${seconds.toFixed(1)} s; upstream saw ${upstream.requests.length} requests`,
  );
}

async function proveAborts(checks: Checks): Promise<void> {
  const upstream = await createFaultUpstream();
  const models = Object.fromEntries(
    faults.map((fault) => [fault.replace(":", "-"), { targets: [{ provider: "upstream", model: faultModel(fault) }] }]),
  );
  const provider = {
    type: "openai-compatible",
    baseUrl: `${upstream.origin}/openai/v1`,
    credentials: ["sk-proof-0123456789"],
  };
  const configText = JSON.stringify({
    logging: { file: "", level: "error" },
    health: { probes: false, maxErrors: 1_000_000, minRequests: 1_000_000 },
    providers: { upstream: provider },
    models,
  });
  const gateway = await startGateway({ configText, env: { OR_API_KEY: undefined } });
  const proof = { checks, gateway, upstream };
  try {
    console.log(`${options.aborts} clients that leave within ${longestStayMs} ms, ${options.width} at once`);
    await leaveOften(proof, options.warmup);
    await within(graceMs, () => upstream.running() === 0);
    const before = await figuresOf(proof);
    upstream.clear();
    await leaveOften(proof, options.aborts);
    const emptyMs = await within(graceMs, () => upstream.running() === 0);
    await checks.check("most of them had reached the upstream", () => {
      assert(upstream.requests.length > options.aborts / 2, "the machine is too busy for this to prove anything");
    });
    await checks.check(`no stream is left upstream after ${graceMs} ms`, () => {
      console.log(
        `        ${emptyMs === undefined ? `${upstream.running()} left` : `none after ${Math.round(emptyMs)} ms`}`,
      );
      assert(emptyMs !== undefined);
    });
    const after = await figuresOf(proof, before);
    console.log(
      `        open files ${before.files} → ${after.files}, memory ${before.mib.toFixed(1)} → ${after.mib.toFixed(1)} MiB`,
    );
    await checks.check("open files are back", () =>
      assert(after.files <= before.files, `${after.files} > ${before.files}`),
    );
    await checks.check("memory is back within 10 %", () => assert(after.mib <= before.mib * 1.1));
    await checks.check("the gateway counts no request as under way", async () => {
      const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
      assert.match(metrics, /^orcestator_active_requests 0$/m);
    });
    await checks.check("it says nothing of it on its error output", () => {
      assert.doesNotMatch(gateway.stderr(), /DOMException|AbortError|unhandled|TypeError/i);
    });
  } finally {
    await gateway.stop();
    await upstream.close();
  }
}

process.exit(await prove(proveAborts));
