import { join } from "node:path";
import { type AppendFile, createAppendFile } from "./append-file.ts";
import { compactDay } from "./local-time.ts";
import { completionTokens, promptTokens, type RequestRecord } from "./request-record.ts";
import type { RecordSink } from "./sink.ts";

function errorOf(record: RequestRecord): string | null {
  if (record.endReason === "completed") return null;
  const code = record.errorCode ?? record.endReason;
  return record.errorMessage === undefined || record.errorMessage === "" ? code : `${code}: ${record.errorMessage}`;
}

function formatJsonLine(record: RequestRecord): string {
  return JSON.stringify({
    ts: new Date(record.startedAt).toISOString(),
    req_id: record.id,
    task: record.task ?? null,
    provider: record.provider ?? null,
    model: record.modelServed ?? record.modelAsked,
    latency_ms: Math.round(record.latencyMs),
    ok: record.endReason === "completed",
    status: record.status,
    error: errorOf(record),
    retries: record.retries,
    usage_prompt: promptTokens(record.usage) ?? null,
    usage_completion: completionTokens(record.usage) ?? null,
  });
}

/** `requests-YYYYMMDD.jsonl` in a folder, by the local day a request started; one JSON object a line, `null` = not known. */
export function createJsonlLog({ dir }: { dir: string }): RecordSink {
  let open: { day: string; file: AppendFile } | undefined;
  let known = { minute: Number.NaN, day: "" };

  /** No time zone's day begins within a minute. */
  function dayOf(epochMs: number): string {
    const minute = Math.floor(epochMs / 60_000);
    if (minute !== known.minute) known = { minute, day: compactDay(epochMs) };
    return known.day;
  }

  function fileOf(day: string): AppendFile {
    if (open?.day === day) return open.file;
    open?.file.close();
    open = { day, file: createAppendFile(join(dir, `requests-${day}.jsonl`)) };
    return open.file;
  }

  return {
    name: "jsonl-log",
    write(records) {
      const byDay = Map.groupBy(records, (record) => dayOf(record.startedAt));
      for (const [day, group] of byDay)
        fileOf(day).append(group.map((record) => `${formatJsonLine(record)}\n`).join(""));
    },
    close: () => open?.file.close(),
  };
}
