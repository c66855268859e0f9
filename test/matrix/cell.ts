import { featureChecks, type Feature } from "./features.ts";
import { limitOf } from "./limits.ts";
import type { Pairing } from "./pairing.ts";

export interface CellResult {
  client: string;
  upstream: string;
  feature: Feature;
  /** `explained`: a limit of the protocols, refused in words; see `limits.ts`. */
  result: "ok" | "explained" | "failed";
  note: string;
}

const patienceMs = 10_000;

async function inTime(work: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`nothing after ${patienceMs} ms`)), patienceMs);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What went wrong, in words; `undefined` = nothing. What the upstream would have refused counts too. */
async function complaintOf(feature: Feature, pairing: Pairing): Promise<string | undefined> {
  const { violations } = pairing.rig.upstream;
  const before = violations.length;
  const complaint = await inTime(featureChecks[feature].run(pairing)).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const found = violations.slice(before);
  return complaint ?? (found.length === 0 ? undefined : `refused by the real upstream: ${found.join(" | ")}`);
}

/** Tries one feature of one client before one upstream. Run one at a time: what the upstream saw is told by the order. */
export async function runCell(feature: Feature, pairing: Pairing): Promise<CellResult> {
  const cell = { client: pairing.driver.id, upstream: pairing.upstream.id, feature };
  const limit = limitOf(cell);
  const complaint = await complaintOf(feature, pairing);
  if (complaint === undefined) {
    if (limit === undefined) return { ...cell, result: "ok", note: "" };
    return { ...cell, result: "failed", note: `works, and is listed as a limit: ${limit.reason}` };
  }
  if (limit?.complaint.test(complaint) === true) return { ...cell, result: "explained", note: limit.reason };
  return { ...cell, result: "failed", note: complaint };
}
