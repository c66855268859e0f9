/** Tokens of an answer whose request does not limit them. */
const usualAnswerTokens = 1024;

/** All tokens a request may come to. `maxTokens`: how many the answer may have; `undefined` = not said. */
export function estimatedDemand(promptTokens: number, maxTokens: number | undefined): number {
  return promptTokens + (maxTokens ?? usualAnswerTokens);
}
