import { fieldsOf, isFields, listOf, noFields, numberOf, stringOf, type Fields } from "../fields.ts";

function bytesOf(token: string): number[] {
  return [...Buffer.from(token)];
}

function openAiToken(candidate: Fields): Fields {
  const token = stringOf(candidate["token"]) ?? "";
  return { token, logprob: numberOf(candidate["logProbability"]) ?? 0, bytes: bytesOf(token) };
}

/** `logprobsResult` in OpenAI's shape; `undefined` when it has no tokens. */
export function logprobsOf(candidate: Fields): Fields | undefined {
  const result = candidate["logprobsResult"];
  if (!isFields(result)) return undefined;
  const top = listOf(result["topCandidates"]);
  const content = listOf(result["chosenCandidates"])
    .filter(isFields)
    .map((chosen, index) => {
      const others = listOf(fieldsOf(top[index])["candidates"]).filter(isFields);
      return { ...openAiToken(chosen), top_logprobs: others.map(openAiToken) };
    });
  return content.length === 0 ? undefined : { content };
}

function geminiToken(value: unknown): Fields {
  const fields = fieldsOf(value);
  return { token: stringOf(fields["token"]) ?? "", logProbability: numberOf(fields["logprob"]) ?? 0 };
}

/** OpenAI's shape as `logprobsResult`, to be spread into a candidate. */
export function logprobsView(logprobs: unknown): Fields {
  const content = listOf(fieldsOf(logprobs)["content"]);
  if (content.length === 0) return noFields;
  return {
    logprobsResult: {
      topCandidates: content.map((token) => ({ candidates: listOf(fieldsOf(token)["top_logprobs"]).map(geminiToken) })),
      chosenCandidates: content.map(geminiToken),
    },
  };
}
