import { z } from "zod";

export const budgets = z.strictObject({
  unknownPrice: z
    .enum(["refuse", "allow"])
    .default("refuse")
    .describe(
      "What becomes of requests of a key or team with a budget, where a place that may serve them has no known price: refuse them, or allow them uncounted",
    ),
  answerTokens: z
    .number()
    .int()
    .positive()
    .default(4096)
    .describe(
      "Tokens that are set aside for an answer whose request says no limit, where neither the configuration nor the upstream's list of models names one, and the upstream's protocol demands none",
    ),
});
