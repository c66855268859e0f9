import { availableParallelism } from "node:os";
import type { ServerConfig } from "../../config/schema.ts";

export interface Machine {
  readonly platform: string;
  readonly processors: number;
}

/** How many workers a configuration means. Throws an Error for people where there cannot be so many. */
export function workerCount(
  workers: ServerConfig["workers"],
  { platform, processors }: Machine = { platform: process.platform, processors: availableParallelism() },
): number {
  if (platform === "linux") return workers === "auto" ? processors : workers;
  if (workers === "auto" || workers === 1) return 1;
  throw new Error(
    `Several workers on one port are for Linux; here leave out --workers (OR_WORKERS, server.workers). For more than one process, start several gateways on ports of their own behind a proxy; docs/deploy.md says what they share.`,
  );
}
