import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuMs, loadCore, start } from "./process.ts";
import type { ClosedResult, LoadOptions } from "./load.ts";

export const hasWrk = Bun.which("wrk") !== null;

/** The closed loop with wrk, which leaves more of the shared core to the mock than a client in JavaScript does. */
export async function closedLoopWithWrk(options: LoadOptions): Promise<ClosedResult> {
  const directory = await mkdtemp(join(tmpdir(), "orcestator-bench-"));
  const script = join(directory, "post.lua");
  const headers = `wrk.headers["Content-Type"] = "application/json"\nwrk.headers["Authorization"] = "Bearer ${options.key}"`;
  await writeFile(script, `wrk.method = "POST"\nwrk.body = [[${options.body}]]\n${headers}\n`);
  const args = ["-t1", `-c${options.connections}`, `-d${options.seconds}s`, "--latency", "-s", script, options.url];
  const cpuBefore = options.pid === undefined ? 0 : cpuMs(options.pid);
  const started = start(["wrk", ...args], { core: loadCore });
  const output = await new Response(started.process.stdout).text();
  await started.process.exited;
  const cpu = options.pid === undefined ? 0 : cpuMs(options.pid) - cpuBefore;
  await rm(directory, { recursive: true, force: true });
  return { ...readWrk(output), cpuMs: cpu };
}

const unitUs: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 };

function readWrk(output: string): Omit<ClosedResult, "cpuMs"> {
  const [, requests = "0", seconds = "1"] = /(\d+) requests in ([\d.]+)s/.exec(output) ?? [];
  const latency = (percent: string) => {
    const [, value = "0", unit = "us"] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(output) ?? [];
    return Number(value) * (unitUs[unit] ?? 1);
  };
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const broken = [...(/Socket errors: (.*)/.exec(output)?.[1] ?? "").matchAll(/\d+/g)].reduce(
    (sum, [count]) => sum + Number(count),
    0,
  );
  return {
    requests: Number(requests),
    seconds: Number(seconds),
    errors: bad + broken,
    p50Us: latency("50"),
    p99Us: latency("99"),
  };
}
