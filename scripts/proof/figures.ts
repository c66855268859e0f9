import { readdirSync, readFileSync } from "node:fs";

/** The value below which a share of all lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Open files and sockets of a process, on Linux. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Resident memory of a process in MiB, on Linux. */
export function residentMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** How often each name came. */
export function tally(names: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Waits until a condition holds, looking every few milliseconds; resolves to how long that took, or `undefined` when it did not. */
export async function within(
  limitMs: number,
  condition: () => boolean | Promise<boolean>,
  everyMs = 20,
): Promise<number | undefined> {
  const startedAt = performance.now();
  while (performance.now() - startedAt <= limitMs) {
    if (await condition()) return performance.now() - startedAt;
    await Bun.sleep(everyMs);
  }
  return undefined;
}
