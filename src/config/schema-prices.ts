import { z } from "zod";

const dollars = (what: string) => z.coerce.number().min(0).describe(`US dollars ${what}`);

const modelPrice = z.strictObject({
  input: dollars("for a million input tokens"),
  output: dollars("for a million output tokens"),
  cacheRead: dollars(
    "for a million input tokens read from a prompt cache; without it the cost of requests that read is not known",
  ).optional(),
  cacheWrite: dollars(
    "for a million input tokens written to a prompt cache; without it the cost of requests that write is not known",
  ).optional(),
  reasoning: dollars("for a million reasoning tokens (default: as output)").optional(),
  request: dollars("for each request, besides its tokens").optional(),
});
export type ModelPriceConfig = z.infer<typeof modelPrice>;

function isRefresh(text: string): boolean {
  return text === "off" || /^https?:$/.test(URL.parse(text)?.protocol ?? "");
}

export const prices = z.strictObject({
  models: z
    .record(
      z.string().regex(/^[^/\s]+\/./, { message: "must be provider/model, e.g. openai/gpt-5 or groq/*" }),
      modelPrice,
    )
    .default({})
    .describe(
      "What models cost, by `provider/model` as this configuration and the provider name them; one `*` stands for anything, the longest name that fits counts. Goes before all other prices, a target's `price` too",
    ),
  providers: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .describe(
      "Provider → whose prices it charges, by the price table's name (`openai`, `anthropic`, `google`, `x-ai`); for those behind an address of your own, such as a proxy",
    ),
  refresh: z
    .string()
    .refine(isRefresh, { message: "must be off or an http:// or https:// URL" })
    .default("off")
    .describe(
      "URL of a newer price table (genai-prices, data.json or data_slim.json of v2), fetched once a day; `off` = the table in the executable",
    ),
});
