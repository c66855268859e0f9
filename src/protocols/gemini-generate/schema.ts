import { z } from "zod";

/** Wire shapes of Gemini's generateContent, for the API documents. Requests are not validated against them. */

const objectSchema = z.record(z.string(), z.unknown());

const partSchema = z.looseObject({
  text: z.string().optional(),
  thought: z.boolean().optional().describe("The text is a thought"),
  thoughtSignature: z.string().optional().describe("Send it back unchanged with the part"),
  inlineData: z.looseObject({ mimeType: z.string(), data: z.string().describe("base64") }).optional(),
  fileData: z.looseObject({ mimeType: z.string().optional(), fileUri: z.string() }).optional(),
  functionCall: z
    .looseObject({ id: z.string().optional(), name: z.string(), args: objectSchema.optional() })
    .optional(),
  functionResponse: z.looseObject({ id: z.string().optional(), name: z.string(), response: objectSchema }).optional(),
});

const contentSchema = z.looseObject({
  role: z.string().optional().describe("user or model"),
  parts: z.array(partSchema),
});

const generationConfigSchema = z.looseObject({
  temperature: z.number().optional(),
  topP: z.number().optional(),
  topK: z.number().optional(),
  maxOutputTokens: z.int().optional(),
  stopSequences: z.array(z.string()).optional(),
  responseMimeType: z.string().optional(),
  responseJsonSchema: objectSchema.optional(),
  thinkingConfig: z
    .looseObject({
      includeThoughts: z.boolean().optional(),
      thinkingLevel: z.string().optional(),
      thinkingBudget: z.int().optional(),
    })
    .optional(),
});

/** The model stands in the URL. */
export const geminiRequestSchema = z.looseObject({
  contents: z.array(contentSchema).describe("The conversation"),
  systemInstruction: contentSchema.optional(),
  tools: z
    .array(
      z.looseObject({
        functionDeclarations: z
          .array(z.looseObject({ name: z.string(), parametersJsonSchema: objectSchema.optional() }))
          .optional(),
      }),
    )
    .optional(),
  toolConfig: z
    .looseObject({
      functionCallingConfig: z
        .looseObject({
          mode: z.string().optional().describe("AUTO, ANY, NONE or VALIDATED"),
          allowedFunctionNames: z.array(z.string()).optional(),
        })
        .optional(),
    })
    .optional(),
  generationConfig: generationConfigSchema.optional(),
});

const tokens = z.int().nonnegative().optional();

export const geminiResponseSchema = z.looseObject({
  candidates: z
    .array(z.looseObject({ content: contentSchema.optional(), finishReason: z.string().optional(), index: tokens }))
    .optional(),
  promptFeedback: z.looseObject({ blockReason: z.string().optional() }).optional(),
  usageMetadata: z
    .looseObject({
      promptTokenCount: tokens.describe("Cached tokens included"),
      cachedContentTokenCount: tokens,
      candidatesTokenCount: tokens.describe("Without thoughts"),
      thoughtsTokenCount: tokens,
      totalTokenCount: tokens,
    })
    .optional(),
  modelVersion: z.string().optional(),
  responseId: z.string().optional(),
});
