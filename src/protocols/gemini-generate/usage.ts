import type { Usage } from "../../telemetry/request-record.ts";
import { countOf, fieldsOf, type Fields } from "../fields.ts";

/** What is left of the total, where an upstream counts the answer's text nowhere else. */
function outputOf(usage: Fields, known: number): number | undefined {
  const total = countOf(usage["totalTokenCount"]);
  return countOf(usage["candidatesTokenCount"]) ?? (total === undefined ? undefined : Math.max(0, total - known));
}

/**
 * The five disjoint counts of `usageMetadata`: cached tokens are a subset of the prompt, thoughts stand beside the
 * candidates. `undefined` when it counts nothing.
 */
export function readUsage(value: unknown): Usage | undefined {
  const usage = fieldsOf(value);
  const prompt = countOf(usage["promptTokenCount"]);
  if (prompt === undefined && countOf(usage["candidatesTokenCount"]) === undefined) return undefined;
  const cacheRead = countOf(usage["cachedContentTokenCount"]);
  const reasoning = countOf(usage["thoughtsTokenCount"]);
  const tools = countOf(usage["toolUsePromptTokenCount"]) ?? 0;
  return {
    input: prompt === undefined ? undefined : Math.max(0, prompt - (cacheRead ?? 0)) + tools,
    cacheRead,
    cacheWrite: undefined,
    output: outputOf(usage, (prompt ?? 0) + tools + (reasoning ?? 0)),
    reasoning,
  };
}

function sumOf(...counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0);
}

/** The same as `usageMetadata`; what is not known is left out. */
export function usageView({ input, cacheRead, cacheWrite, output, reasoning }: Usage): Fields {
  const prompt = sumOf(input, cacheRead, cacheWrite);
  return {
    ...(prompt === undefined ? {} : { promptTokenCount: prompt }),
    ...(cacheRead === undefined ? {} : { cachedContentTokenCount: cacheRead }),
    ...(output === undefined ? {} : { candidatesTokenCount: output }),
    ...(reasoning === undefined ? {} : { thoughtsTokenCount: reasoning }),
    totalTokenCount: sumOf(prompt, output, reasoning) ?? 0,
  };
}
