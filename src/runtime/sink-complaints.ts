import { errorPhrase } from "../lib/error-text.ts";
import type { RecordSink } from "../telemetry/sink.ts";

/** Tells the owner of sinks that cannot be written to, and of their return. */
export interface SinkComplaints {
  failed(sink: string, error: unknown): void;
  /** The sink, whose next success is told after a complaint. */
  follow(sink: RecordSink): RecordSink;
}

/** At most one line a minute for each sink: a full disk must not fill the console too. */
const quietMs = 60_000;

export function createSinkComplaints(
  logger: { info(message: string): void; warn(message: string): void },
  { now = Date.now }: { now?: () => number } = {},
): SinkComplaints {
  const quietUntil = new Map<string, number>();
  const failing = new Set<string>();

  function succeeded(sink: string): void {
    if (failing.delete(sink)) logger.info(`Records are written to the ${sink} again.`);
  }

  return {
    failed(sink, error) {
      const time = now();
      if (time < (quietUntil.get(sink) ?? 0)) return;
      quietUntil.set(sink, time + quietMs);
      failing.add(sink);
      logger.warn(`Records cannot be written to the ${sink}: ${errorPhrase(error)}. Traffic goes on.`);
    },
    follow: (sink) => ({
      ...sink,
      async write(records) {
        await sink.write(records);
        succeeded(sink.name);
      },
    }),
  };
}
