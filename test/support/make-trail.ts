import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import type { Trail, TrailAttempt } from "../../src/telemetry/trail.ts";
import { makeRecord } from "./make-record.ts";

export function makeAttempt(changes: Partial<TrailAttempt> = {}): TrailAttempt {
  return {
    provider: "claude",
    model: "claude-x",
    credential: "#1 …a1b2",
    kind: "first",
    atMs: 3,
    ms: 120,
    outcome: "ok",
    status: undefined,
    cause: undefined,
    ...changes,
  };
}

export function makeTrail(changes: Partial<Trail> = {}): Trail {
  return {
    routedBy: undefined,
    model: "smart",
    strategy: "priority",
    affinity: undefined,
    candidates: [],
    attempts: [],
    waits: [],
    lane: undefined,
    ...changes,
  };
}

/** Two failures at one provider, a wait, then another provider's answer; a third one was left out. */
export function failoverRecord(changes: Partial<RequestRecord> = {}): RequestRecord {
  const overloaded = { outcome: "upstream_overloaded", status: 529, cause: "claude answered 529: Overloaded." };
  return makeRecord({
    id: "req_mfcsd0p9k3v7x2b8n5q1w4z6",
    keyId: "key-1a2b3c4d",
    modelAsked: "smart",
    modelServed: "llama-x",
    provider: "groq",
    stream: true,
    attempts: 3,
    retries: 1,
    credential: "#2 …c3d4",
    lane: "translate",
    dropped: ["logit_bias", "seed"],
    usage: { input: 1200, cacheRead: 800, cacheWrite: undefined, output: 340, reasoning: 60 },
    costUsd: 0.0123,
    latencyMs: 2450,
    ttftMs: 1210,
    overheadMs: 4.2,
    trail: makeTrail({
      routedBy: "routes[1]",
      model: "cheap",
      strategy: "weighted",
      affinity: "moved",
      candidates: [
        { provider: "claude", model: "claude-x", state: "degraded", score: 3, skipped: undefined },
        { provider: "groq", model: "llama-x", state: "healthy", score: 1, skipped: undefined },
        {
          provider: "local",
          model: "qwen",
          state: "unhealthy",
          score: undefined,
          skipped: "circuit open for 12 s: connection refused",
        },
      ],
      attempts: [
        makeAttempt({ atMs: 4, ms: 120, ...overloaded }),
        makeAttempt({ kind: "retry", atMs: 374, ms: 95, ...overloaded }),
        makeAttempt({
          provider: "groq",
          model: "llama-x",
          credential: "#2 …c3d4",
          kind: "failover",
          atMs: 670,
          ms: 540,
        }),
      ],
      waits: [{ for: "a place at groq", atMs: 470, ms: 200 }],
    }),
    ...changes,
  });
}

/** The second target was asked as well, and was faster. */
export function hedgeRecord(): RequestRecord {
  return makeRecord({
    modelAsked: "smart",
    provider: "groq",
    modelServed: "llama-x",
    attempts: 2,
    latencyMs: 900,
    trail: makeTrail({
      strategy: "lowest_latency",
      affinity: "kept",
      attempts: [
        makeAttempt({ outcome: "called_off", ms: 790 }),
        makeAttempt({ provider: "groq", model: "llama-x", credential: "none", kind: "hedge", atMs: 503, ms: 290 }),
      ],
    }),
  });
}
