import { consoleLine } from "./console-line.ts";
import { formatLogLine } from "./logger.ts";
import type { RecordSink } from "./sink.ts";

/** The live log: a line for every request, a batch in one write, since a terminal is slower than any disk. */
export function createConsoleLog({
  write,
  hasColor,
}: {
  write: (text: string) => void;
  hasColor: boolean;
}): RecordSink {
  return {
    name: "console",
    write(records) {
      const lines = records.map((record) => {
        const date = new Date(record.startedAt + record.latencyMs);
        return `${formatLogLine({ date, type: "info", args: [consoleLine(record)] }, hasColor)}\n`;
      });
      write(lines.join(""));
    },
    close: () => undefined,
  };
}
