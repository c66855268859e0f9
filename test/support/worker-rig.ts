import { readFileSync } from "node:fs";
import { startRig, until, type Rig } from "./e2e.ts";
import type { Gateway, GatewayOptions } from "./gateway.ts";
import { metric, parseMetrics } from "./metrics.ts";

export const adminToken = "the-admin-token-of-this-test";
export const admin = { authorization: `Bearer ${adminToken}` };

/** A gateway of two workers before a fake upstream. */
export function startWorkers({ env, args = [], ...options }: Parameters<typeof startRig>[0] = {}): Promise<Rig> {
  const own: Omit<GatewayOptions, "configText"> = {
    env: { AUTH_TOKEN: adminToken, ...env },
    args: ["--workers", "2", ...args],
  };
  return startRig({ ...options, ...own });
}

/** Processes that a process has started and that are still there. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

export function isAlive(pid: number): boolean {
  try {
    // A process that has ended but that nobody has asked for is still in the table.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** On a connection of its own, so that any worker may get it. */
export async function ask(gateway: Gateway, body: Record<string, unknown>): Promise<Response> {
  return fetch(`${gateway.url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "orcestator", messages: [{ role: "user", content: "Say hello." }], ...body }),
    keepalive: false,
  });
}

export async function metricsOf(url: string) {
  const response = await fetch(url, { keepalive: false });
  const samples = parseMetrics(await response.text());
  return (name: string, labels: Record<string, string> = {}) => metric(samples, name, labels);
}

/** So many connections that each of two workers gets some: with 40, one gets none once in 2^39 times. */
export const enough = 40;

/** Waits until so many workers have been replaced, and all serve. */
export async function waitForReplacements(gateway: Gateway, count: number): Promise<void> {
  async function isDone(): Promise<boolean> {
    const value = await metricsOf(`${gateway.origin}/metrics`);
    return value("orcestator_worker_restarts_total") === count && value("orcestator_workers") === 2;
  }
  // A connection that the dead one had not taken yet is reset.
  await until(() => isDone().catch(() => false), `${count} workers have been replaced`);
}
