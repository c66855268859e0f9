import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  embedMany,
  generateText,
  jsonSchema,
  Output,
  stepCountIs,
  streamText,
  tool,
  type EmbeddingModel,
  type LanguageModel,
  type ModelMessage,
  type ToolSet,
} from "ai";
import type { ProtocolName } from "../../../src/config/protocol-names.ts";
import {
  once,
  type ClientAnswer,
  type ClientDriver,
  type CreateDriver,
  type Question,
  type ToolQuestion,
} from "../driver.ts";

// It warns of every model that it does not know.
globalThis.AI_SDK_LOG_WARNINGS = false;

interface Provider {
  (model: string): LanguageModel;
  embeddingModel?: (model: string) => EmbeddingModel;
}

interface Flavour {
  id: string;
  package: string;
  protocol: ProtocolName;
  provide(origin: string): Provider;
}

const flavours: readonly Flavour[] = [
  {
    id: "vercel-openai",
    package: "@ai-sdk/openai",
    protocol: "openai-responses",
    provide: (origin) => createOpenAI({ baseURL: `${origin}/v1`, apiKey: "none" }),
  },
  {
    id: "vercel-compatible",
    package: "@ai-sdk/openai-compatible",
    protocol: "openai-chat",
    provide: (origin) =>
      createOpenAICompatible({
        name: "orcestator",
        apiKey: "none",
        baseURL: `${origin}/v1`,
        includeUsage: true,
        supportsStructuredOutputs: true,
      }),
  },
  {
    id: "vercel-anthropic",
    package: "@ai-sdk/anthropic",
    protocol: "anthropic-messages",
    provide(origin) {
      const provider = createAnthropic({ baseURL: `${origin}/v1`, apiKey: "none" });
      // Its own way of making embeddings is to say that it has none.
      return (model) => provider(model);
    },
  },
  {
    id: "vercel-google",
    package: "@ai-sdk/google",
    protocol: "gemini-generate",
    provide: (origin) => createGoogle({ baseURL: `${origin}/v1beta`, apiKey: "none" }),
  },
];

function promptOf({ system, prompt, picture }: Question): { system?: string; messages: ModelMessage[] } {
  const file = picture && { type: "file" as const, data: picture.base64, mediaType: picture.mediaType };
  const content = [{ type: "text" as const, text: prompt }, ...(file === undefined ? [] : [file])];
  return { ...(system !== undefined && { system }), messages: [{ role: "user", content }] };
}

function toolsOf(question: ToolQuestion): ToolSet {
  const entries = question.tools.map(({ name, description, parameters, run }) => [
    name,
    tool({ description, inputSchema: jsonSchema({ ...parameters }), execute: (input: unknown) => run(input) }),
  ]);
  return Object.fromEntries(entries) as ToolSet;
}

interface VercelUsage {
  inputTokens: number | undefined;
  outputTokens: number | undefined;
}

function usageOf({ inputTokens: input, outputTokens: output }: VercelUsage): ClientAnswer["usage"] {
  return { input, output };
}

function statusOf(error: unknown): number | undefined {
  return APICallError.isInstance(error) ? error.statusCode : undefined;
}

async function read(result: ReturnType<typeof streamText>, onText?: () => void): Promise<ClientAnswer> {
  const told = once(onText);
  let text = "";
  for await (const part of result.stream) {
    if (part.type === "error") throw part.error;
    if (part.type === "abort") throw new Error("aborted");
    if (part.type !== "text-delta") continue;
    text += part.text;
    told(part.text);
  }
  const finish = await result.finishReason;
  // Its Google provider passes over errors in a stream; this is their only sign.
  if (finish === "interrupted") throw new Error("the stream was interrupted");
  const usage = usageOf(await result.usage);
  return { text, reasoning: await result.reasoningText, finish, usage };
}

function driverOf(flavour: Flavour, origin: string): ClientDriver {
  const provider = flavour.provide(origin);
  const settingsOf = (question: Question) => ({
    model: provider(question.model),
    ...promptOf(question),
    maxRetries: 0,
    ...(question.signal && { abortSignal: question.signal }),
    ...(question.schema && { output: Output.object({ schema: jsonSchema({ ...question.schema }) }) }),
  });

  const { embeddingModel } = provider;
  const embed = embeddingModel && {
    async embed({ model, texts }: { model: string; texts: readonly string[] }) {
      const { embeddings } = await embedMany({ model: embeddingModel(model), values: [...texts], maxRetries: 0 });
      return embeddings;
    },
  };
  return {
    ...embed,
    id: flavour.id,
    name: `Vercel AI SDK, ${flavour.package}`,
    package: flavour.package,
    protocol: flavour.protocol,
    async ask(question) {
      const { text, reasoningText, finishReason, usage } = await generateText(settingsOf(question));
      return { text, reasoning: reasoningText, finish: finishReason, usage: usageOf(usage) };
    },
    askStream: (question) =>
      read(streamText({ ...settingsOf(question), onError: () => undefined }) as never, question.onText),
    async useTools(question) {
      const { model, prompt, stream } = question;
      const settings = {
        model: provider(model),
        prompt,
        tools: toolsOf(question),
        stopWhen: stepCountIs(4),
        maxRetries: 0,
      };
      if (!stream) {
        const { text, finishReason, usage, steps } = await generateText(settings);
        return { text: steps.at(-1)?.text ?? text, finish: finishReason, usage: usageOf(usage) };
      }
      const result = streamText({ ...settings, onError: () => undefined });
      const { finish } = await read(result as never);
      const last = (await result.steps).at(-1);
      return { text: last?.text ?? "", finish, usage: last && usageOf(last.usage) };
    },
    failureOf(error) {
      if (!(error instanceof Error) || error.name === "AbortError") return undefined;
      return { status: statusOf(error), message: error.message };
    },
  };
}

export const vercelDrivers: readonly CreateDriver[] = flavours.map(
  (flavour): CreateDriver =>
    ({ origin }) =>
      driverOf(flavour, origin),
);
