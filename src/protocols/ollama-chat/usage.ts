import { completionTokens, promptTokens, type Usage } from "../../telemetry/request-record.ts";
import { countOf, type Fields } from "../fields.ts";

/** Ollama counts all input as one and all output, thoughts too, as one. */
export function readUsage(line: Fields): Usage | undefined {
  const input = countOf(line["prompt_eval_count"]);
  const output = countOf(line["eval_count"]);
  if (input === undefined && output === undefined) return undefined;
  return { input, cacheRead: undefined, cacheWrite: undefined, output, reasoning: undefined };
}

/** What the last line says of tokens; what is not known is left out. */
export function countsOf(usage: Usage | undefined): Fields {
  if (usage === undefined) return {};
  const prompt = promptTokens(usage);
  const completion = completionTokens(usage);
  return {
    ...(prompt === undefined ? {} : { prompt_eval_count: prompt }),
    ...(completion === undefined ? {} : { eval_count: completion }),
  };
}
