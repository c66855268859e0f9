import { z } from "zod";

export const budgets = z.strictObject({
  unknownPrice: z
    .enum(["refuse", "allow"])
    .default("refuse")
    .describe(
      "What becomes of requests of a key or team with a budget, where a place that may serve them has no known price: refuse them, or allow them uncounted",
    ),
});
