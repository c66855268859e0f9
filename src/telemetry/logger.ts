import { createConsola, type ConsolaInstance } from "consola";
import type { LoggingConfig } from "../config/schema.ts";

export type Logger = ConsolaInstance;

const levels = { silent: -999, error: 0, warn: 1, info: 3, debug: 4 } as const satisfies Record<
  LoggingConfig["level"],
  number
>;

/** The console. Everything goes to stderr but what `serve` prints at start, so that a pipe gets clean text. */
export function createLogger(level: LoggingConfig["level"]): Logger {
  return createConsola({
    level: levels[level],
    stdout: process.stderr,
    stderr: process.stderr,
    formatOptions: { date: true, colors: process.stderr.isTTY },
  });
}
