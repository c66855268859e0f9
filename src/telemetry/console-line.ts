import { ownTrail } from "./pack-trail.ts";
import { completionTokens, promptTokens, type RequestRecord } from "./request-record.ts";

export function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Names come from clients: a control character, or one that turns the line round, must not reach a terminal. */
export function printable(text: string, most = 120): string {
  return text.slice(0, most).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}

/** US dollars with as many decimals as a small amount needs. */
export function dollars(amount: number): string {
  return `$${amount.toFixed(6).replace(/0{1,4}$/, "")}`;
}

/** Where the attempts went, repeats left out: `claude→groq`; empty when all went to one provider. */
function wayOf(record: RequestRecord): string {
  if (record.attempts < 2) return "";
  const trail = ownTrail(record);
  if (trail === undefined) return "";
  const providers = trail.attempts.map(({ provider }) => provider);
  const way = providers.filter((provider, index) => provider !== providers[index - 1]);
  return way.length < 2 ? "" : ` ${printable(way.join("→"))}`;
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
  if (record.costUsd !== undefined) parts.push(dollars(record.costUsd));
  if (record.attempts > 1) parts.push(`${record.attempts} attempts${wayOf(record)}`);
  if (record.dropped.length > 0) parts.push(printable(`dropped ${record.dropped.join(", ")}`));
  if (record.errorMessage !== undefined) parts.push(printable(`${record.errorCode}: ${record.errorMessage}`));
  return parts.join(" · ");
}
