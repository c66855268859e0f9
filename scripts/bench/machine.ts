import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { ownTicks } from "./process.ts";

/** One line that says where a figure comes from. */
export function describeMachine(): string {
  const [first] = cpus();
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  const date = new Date().toISOString().slice(0, 16).replace("T", " ");
  return `${first?.model ?? "unknown CPU"}, ${cpus().length} cores, ${memory}, Linux ${release()}, Bun ${Bun.version}, ${date} UTC`;
}

interface CoreTicks {
  busy: number;
  total: number;
}

/** Busy and total clock ticks so far, by the name in /proc/stat: `cpu` for all cores, `cpu1` for the second one. */
function ticksOf(name: string): CoreTicks {
  const lines = readFileSync("/proc/stat", "utf8").split("\n");
  const times = (lines.find((line) => line.startsWith(`${name} `)) ?? "").split(/\s+/).slice(1, 9).map(Number);
  const total = times.reduce((sum, value) => sum + value, 0);
  return { busy: total - (times[3] ?? 0) - (times[4] ?? 0), total };
}

export interface Watched<T> {
  result: T;
  /** Share of the load core that was busy. */
  loadBusy: number;
  /** Share of the whole machine that other programs (or the hypervisor) took: what makes a block untrustworthy. */
  foreign: number;
}

export async function watch<T>(loadCore: number, work: () => Promise<T>): Promise<Watched<T>> {
  const before = { load: ticksOf(`cpu${loadCore}`), all: ticksOf("cpu"), own: ownTicks() };
  const result = await work();
  const after = { load: ticksOf(`cpu${loadCore}`), all: ticksOf("cpu"), own: ownTicks() };
  const loadBusy = (after.load.busy - before.load.busy) / Math.max(1, after.load.total - before.load.total);
  const own = after.own - before.own;
  const foreign = (after.all.busy - before.all.busy - own) / Math.max(1, after.all.total - before.all.total);
  return { result, loadBusy, foreign: Math.max(0, foreign) };
}
