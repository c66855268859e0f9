import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { fences, placeOf } from "./documents.ts";

/** What VS Code demands of `chatLanguageModels.json` for a custom endpoint, and what Agent mode demands besides. */
const modelsFile = z.tuple([
  z.strictObject({
    name: z.string().min(1),
    vendor: z.literal("customendpoint"),
    apiType: z.literal("chat-completions"),
    models: z.tuple([
      z.strictObject({
        id: z.string().min(1),
        name: z.string().min(1),
        url: z.string().regex(/\/v\d+$/),
        toolCalling: z.literal(true),
        vision: z.boolean(),
        maxInputTokens: z.int().positive(),
        maxOutputTokens: z.int().positive(),
        requestHeaders: z.record(z.string(), z.string()),
      }),
    ]),
  }),
]);

const files = fences().filter(({ language, text }) => language === "json" && text.includes('"customendpoint"'));

let gateway: Gateway;
/** A busy machine may take a while to start a process. */
const startMs = 15_000;

beforeAll(async () => {
  gateway = await startGateway({ args: ["--demo"], env: { OR_API_KEY: undefined } });
}, startMs);
afterAll(() => gateway.stop(), startMs);

describe("chatLanguageModels.json", () => {
  test("is shown in both README files and in the installation guides", () => {
    expect(new Set(files.map(({ document }) => document)).size).toBe(6);
  });

  test.each(files.map((fence) => [placeOf(fence), fence] as const))(
    "%s leads VS Code's request to an answer",
    async (_place, { text }) => {
      const [{ models }] = modelsFile.parse(JSON.parse(text));
      const [{ id, url, requestHeaders }] = models;
      const response = await fetch(`${url.replace("http://127.0.0.1:8000", gateway.origin)}/chat/completions`, {
        method: "POST",
        headers: { ...requestHeaders, "content-type": "application/json", "user-agent": "GitHubCopilotChat/0.67.0" },
        body: JSON.stringify({
          model: id,
          messages: [{ role: "user", content: "Say hello." }],
          stream: true,
          stream_options: { include_usage: true },
          n: 1,
          temperature: 0.1,
          top_p: 1,
        }),
      });
      expect(response.status).toBe(200);
      const answer = await response.text();
      // Without a finish reason VS Code throws the whole answer away.
      expect(answer).toContain('"finish_reason":"stop"');
      expect(answer.trimEnd()).toEndWith("data: [DONE]");
    },
  );
});
