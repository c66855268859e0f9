import { completionTokens, promptTokens, type RequestRecord } from "./request-record.ts";

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Names come from clients: a control character, or one that turns the line round, must not reach a terminal. */
export function printable(text: string, most = 120): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?").slice(0, most);
}

/** One request for the person who watches the console: what, how it ended, how long, how much. */
export function consoleLine(record: RequestRecord): string {
  const served =
    record.modelServed === undefined || record.modelServed === record.modelAsked
      ? ""
      : ` → ${printable(record.modelServed)}`;
  const parts = [
    `${record.status} ${printable(record.modelAsked === "" ? "(default)" : record.modelAsked)}${served}`,
    seconds(record.latencyMs),
  ];
  if (record.ttftMs !== undefined) parts.push(`first token ${seconds(record.ttftMs)}`);
  const input = promptTokens(record.usage);
  const output = completionTokens(record.usage);
  if (input !== undefined || output !== undefined)
    parts.push(`${input ?? "?"} in, ${output ?? "?"} out${record.usageSource === "estimated" ? " (estimated)" : ""}`);
  if (record.costUsd !== undefined) parts.push(`$${record.costUsd.toFixed(6).replace(/0{1,4}$/, "")}`);
  if (record.attempts > 1) parts.push(`${record.attempts} attempts`);
  if (record.dropped.length > 0) parts.push(printable(`dropped ${record.dropped.join(", ")}`));
  if (record.errorMessage !== undefined) parts.push(printable(`${record.errorCode}: ${record.errorMessage}`));
  return parts.join(" · ");
}
