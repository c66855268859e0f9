import type { Logger, LogLine } from "../../telemetry/logger.ts";

/** Brings a worker's line to the one console. */
export type LogRelay = (worker: number, line: LogLine) => void;

/** What all workers say alike, e.g. of a configuration, is said within this time. */
const sameMs = 2000;
const mostTexts = 500;

/** What several workers say alike is shown once. */
export function createLogRelay(logger: Logger, now: () => number = () => performance.now()): LogRelay {
  const said = new Map<string, { worker: number; until: number }>();

  function isEcho(worker: number, text: string): boolean {
    const time = now();
    const first = said.get(text);
    if (first !== undefined && first.worker !== worker && time < first.until) return true;
    if (said.size >= mostTexts) said.clear();
    said.set(text, { worker, until: time + sameMs });
    return false;
  }

  return (worker, { type, text }) => {
    if (isEcho(worker, text)) return;
    if (type === "error" || type === "fatal") logger.error(text);
    else if (type === "warn") logger.warn(text);
    else if (type === "debug") logger.debug(text);
    else logger.info(text);
  };
}
