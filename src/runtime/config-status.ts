import type { ConfigOutcome } from "../telemetry/metrics-config.ts";

/** How the configuration on disk stands to the one that is served. */
export interface ConfigStatus {
  /** It was read again: `refused` = why it is not used, `undefined` = it is. */
  read(refused: string | undefined): void;
  /** What the owner should know although requests are served, one line each. */
  notices(): string[];
}

export interface ConfigStatusOptions {
  metrics: { configRead(outcome: ConfigOutcome): void };
  now?: () => number;
  /** What else its owner should know. */
  further?: (() => readonly string[]) | undefined;
}

export function createConfigStatus({ metrics, now = Date.now, further = () => [] }: ConfigStatusOptions): ConfigStatus {
  let refusedSince: number | undefined;
  return {
    read(refused) {
      metrics.configRead(refused === undefined ? "ok" : "refused");
      // Since the first one: a further mistake does not make it younger.
      refusedSince = refused === undefined ? undefined : (refusedSince ?? now());
    },
    notices() {
      if (refusedSince === undefined) return [...further()];
      const since = new Date(refusedSince).toISOString().replace(/\.\d+/, "");
      // Anybody may ask for this: what is wrong, with its names and hosts, is for the log and for `config check`.
      return [
        `The configuration on disk is refused since ${since}; the last good one is served. The log and 'orcestator config check' say why.`,
        ...further(),
      ];
    },
  };
}
