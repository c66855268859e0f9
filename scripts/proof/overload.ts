// `bun scripts/proof/overload.ts [--seconds 20] [--places 50] [--binary PATH]`: three times what the gateway may take at once.
// What is too much is refused at once, what is taken is answered as ever, and afterwards all is as before.
import assert from "node:assert/strict";
import { inParallel } from "../../test/support/e2e.ts";
import { startGateway } from "../../test/support/gateway.ts";
import { prove, type Checks } from "./checks.ts";
import { startCountingUpstream } from "./counting-upstream.ts";
import { median, quantile, tally, within } from "./figures.ts";
import { atRate, createLoadClient, postRequest, type LoadClient, type LoadResult } from "./load-client.ts";
import { numberOptions } from "./options.ts";

/** `places` requests of `delay` milliseconds each: that is all there is room for. */
const options = numberOptions({ seconds: 20, places: 50, delay: 50 });
const factor = 3;
const refusalMs = 20;
const goodShare = 0.8;
const recoverySeconds = 10;
const model = "slow";

const request = postRequest("/v1/chat/completions", { model, messages: [{ role: "user", content: "Hi" }] });

/** As many at once as there is room for, one after the other: answers a second, and how long they took. */
async function peakOf(client: LoadClient, seconds: number): Promise<{ rate: number; ms: number }> {
  const results: LoadResult[] = [];
  const startedAt = performance.now();
  const count = Math.round((options.places * seconds * 1000) / options.delay);
  await inParallel(count, options.places, async () => void results.push(await client.send(request)));
  const good = results.filter(({ status }) => status === 200);
  const rate = good.length / ((performance.now() - startedAt) / 1000);
  return { rate, ms: median(good.map(({ ms }) => ms)) };
}

async function checkOverload(checks: Checks, client: LoadClient, peak: number): Promise<void> {
  const results: LoadResult[] = [];
  const load = { rate: peak * factor, seconds: options.seconds };
  const startedAt = performance.now();
  await atRate(load, async (_, due) => void results.push(await client.send(request, due)));
  const seconds = (performance.now() - startedAt) / 1000;
  const good = results.filter(({ status }) => status === 200);
  const refused = results.filter(({ status }) => status === 503);
  const rate = good.length / seconds;
  const goodMs = good.map(({ ms }) => ms);
  const refusedMs = refused.map(({ ms }) => ms);
  const [half, most] = [median(refusedMs).toFixed(1), quantile(refusedMs, 0.99).toFixed(1)];
  console.log(
    `        offered ${load.rate.toFixed(0)}/s for ${seconds.toFixed(1)} s: ${good.length} answered, ${refused.length} refused`,
  );
  console.log(
    `        answered ${rate.toFixed(0)}/s, median ${median(goodMs).toFixed(1)} ms; refused in ${half} ms (99 %: ${most} ms)`,
  );
  await checks.check("nothing but answers and refusals", () => {
    const statuses = [...tally(results.map(({ status }) => String(status))).keys()];
    assert.deepEqual(
      statuses.toSorted((left, right) => Number(left) - Number(right)),
      ["200", "503"],
    );
  });
  await checks.check("every refusal says when to come back", () => {
    assert(refused.every(({ retryAfter }) => retryAfter !== undefined && /^[1-9]\d{0,3}$/.test(retryAfter)));
  });
  await checks.check(`refusals come within ${refusalMs} ms`, () => assert(quantile(refusedMs, 0.95) < refusalMs));
  await checks.check(`goodput stays above ${goodShare * 100} % of the peak`, () => assert(rate >= goodShare * peak));
}

/** Half of what there is room for, again and again until all of it is answered as quickly as before. */
async function checkRecovery(checks: Checks, client: LoadClient, usualMs: number): Promise<void> {
  const isWell = async (): Promise<boolean> => {
    const results: LoadResult[] = [];
    const half = Math.ceil(options.places / 2);
    await inParallel(half * 4, half, async () => void results.push(await client.send(request)));
    return results.every(({ status }) => status === 200) && median(results.map(({ ms }) => ms)) < usualMs * 1.5;
  };
  const ms = await within(recoverySeconds * 1000, isWell);
  await checks.check(`all is as before within ${recoverySeconds} s`, () => {
    console.log(`        ${ms === undefined ? "never" : `${Math.round(ms)} ms`}`);
    assert(ms !== undefined);
  });
}

async function proveOverload(checks: Checks): Promise<void> {
  const upstream = startCountingUpstream();
  upstream.behave(model, { delayMs: options.delay });
  const provider = { type: "openai-compatible", baseUrl: upstream.url, credentials: ["sk-proof-0123456789"] };
  const configText = JSON.stringify({
    logging: { file: "", level: "error" },
    health: { probes: false },
    limits: { maxRequests: options.places },
    providers: { upstream: provider },
    models: { [model]: { targets: [{ provider: "upstream", model }] } },
  });
  const gateway = await startGateway({ configText, env: { OR_API_KEY: undefined } });
  const client = createLoadClient(gateway.port);
  try {
    await peakOf(client, 2);
    const peak = await peakOf(client, 5);
    console.log(`Overload: room for ${options.places} requests of ${options.delay} ms; peak ${peak.rate.toFixed(0)}/s`);
    await checkOverload(checks, client, peak.rate);
    await checkRecovery(checks, client, peak.ms);
    await checks.check("never more upstream at once than there is room for", () => {
      assert(upstream.takePeak(model) <= options.places);
    });
  } finally {
    client.close();
    await gateway.stop();
    await upstream.stop();
  }
}

process.exit(await prove(proveOverload));
