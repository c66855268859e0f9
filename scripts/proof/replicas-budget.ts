import assert from "node:assert/strict";
import type { Checks } from "./checks.ts";
import { within } from "./figures.ts";
import { adminToken, metricOf, type Replicas, tokenUsd } from "./replicas-rig.ts";

const budgetUsd = 10;
const streams = 200;
/** What a request asks for at most: a quarter of a dollar. */
const maxTokens = 100;
const estimateUsd = maxTokens * tokenUsd;
const tolerance = 1e-6;

interface Sent {
  readonly status: number;
  readonly tokens: number;
}

async function issueKey({ gateways }: Replicas): Promise<{ id: string; key: string }> {
  const response = await fetch(`${gateways[0]?.origin}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ name: "proof", budgets: [{ usd: budgetUsd, window: "month" }] }),
  });
  return (await response.json()) as { id: string; key: string };
}

/** Reads a stream to its end, or leaves after so many tokens. */
async function stream(
  origin: string,
  key: string,
  { length, leaveAfter }: { length: number; leaveAfter?: number },
): Promise<Sent> {
  const left = new AbortController();
  const response = await fetch(`${origin}/v1/chat/completions`, {
    method: "POST",
    signal: left.signal,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "paid",
      stream: true,
      max_tokens: maxTokens,
      messages: [{ role: "user", content: `${length}` }],
    }),
  });
  let tokens = 0;
  if (response.status !== 200) await response.text();
  else {
    try {
      for await (const chunk of response.body ?? []) {
        tokens += Buffer.from(chunk).toString().split('"content":"word "').length - 1;
        if (leaveAfter !== undefined && tokens >= leaveAfter) left.abort();
      }
    } catch (error) {
      if (!left.signal.aborted) throw error;
    }
  }
  return { status: response.status, tokens };
}

/** All at once, over all gateways. */
async function wave(
  { gateways }: Replicas,
  key: string,
  how: { length: number; leaveAfter?: number },
): Promise<Sent[]> {
  return Promise.all(
    Array.from({ length: streams }, (_, index) => stream(gateways[index % gateways.length]?.origin ?? "", key, how)),
  );
}

function acceptedOf(sent: readonly Sent[]): number {
  return sent.filter(({ status }) => status === 200).length;
}

async function statusFor({ origin }: { origin: string }, key: string): Promise<number> {
  return (await fetch(`${origin}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;
}

/** The others hear of a new key at once. Who has not heard of any yet serves everybody near, and charges nobody. */
async function untilKnown({ gateways }: Replicas, key: string): Promise<number | undefined> {
  const knows = async (gateway: { origin: string }): Promise<boolean> =>
    (await statusFor(gateway, key)) === 200 && (await statusFor(gateway, `${key}x`)) === 401;
  return within(2000, async () => (await Promise.all(gateways.map(knows))).every(Boolean), 5);
}

async function proveSpending(checks: Checks, replicas: Replicas): Promise<void> {
  const { key } = await issueKey(replicas);
  const knownMs = await untilKnown(replicas, key);
  await checks.check(`a new key is known everywhere after ${Math.round(knownMs ?? Number.NaN)} ms`, () =>
    assert(knownMs !== undefined && knownMs < 1000),
  );
  let spentUsd = 0;
  for (let count = 0; spentUsd + estimateUsd <= budgetUsd + tolerance && count < 20; count += 1) {
    const room = Math.floor((budgetUsd - spentUsd + tolerance) / estimateUsd);
    const sent = await wave(replicas, key, { length: 40 });
    const accepted = acceptedOf(sent);
    spentUsd += sent.reduce((sum, { tokens }) => sum + tokens, 0) * tokenUsd;
    await checks.check(
      `${streams} streams at once: ${accepted} are let in, ${spentUsd.toFixed(2)} USD are spent`,
      () => {
        // More when the last ones come after the first have ended.
        assert(accepted >= Math.min(streams, room), `there was room for ${room}`);
        assert(spentUsd <= budgetUsd + tolerance);
      },
    );
    if (accepted === 0) break;
    // The last ones may still be on their way to where they are counted.
    await Bun.sleep(200);
  }
  const late = await wave(replicas, key, { length: 40 });
  await checks.check("a spent budget lets nobody in", () => assert.equal(acceptedOf(late), 0));
}

async function proveCancelled(checks: Checks, replicas: Replicas): Promise<void> {
  const { key } = await issueKey(replicas);
  await untilKnown(replicas, key);
  const cut = await wave(replicas, key, { length: maxTokens, leaveAfter: 2 });
  const room = Math.floor(budgetUsd / estimateUsd);
  await checks.check(`${acceptedOf(cut)} streams hold the whole budget`, () => assert.equal(acceptedOf(cut), room));
  await within(5000, () => replicas.upstream.running() === 0);
  await Bun.sleep(500);
  const again = acceptedOf(await wave(replicas, key, { length: maxTokens }));
  await checks.check(`after all of them left early there is room for ${again} others`, () => {
    // Each has used a few tokens of its hundred.
    assert(again >= room * 0.8, `${again} of ${room}`);
    assert(again <= room);
  });
}

/** One budget, three gateways, two hundred streams at once. */
export async function proveBudget(checks: Checks, replicas: Replicas): Promise<void> {
  await proveSpending(checks, replicas);
  await proveCancelled(checks, replicas);
  const failed = await metricOf(
    replicas,
    'orcestator_coordination_decisions_total{decision="budgets.reserve",outcome="failed"}',
  );
  console.log(`        ${failed} decisions without an answer: those requests were let in by what is stored`);
}
