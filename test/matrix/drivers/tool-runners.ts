import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import OpenAI from "openai";
import type { ClientAnswer, CreateDriver } from "../driver.ts";
import { openaiFailure } from "./openai-failure.ts";

/** The loops that the SDKs bring along, which send what no user would write by hand. */

export const createOpenaiRunner: CreateDriver = ({ origin }) => {
  const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey: "none", maxRetries: 0 });
  return {
    id: "openai-run-tools",
    name: "OpenAI JS, chat runTools",
    package: "openai",
    protocol: "openai-chat",
    async useTools({ model, prompt, tools, stream }): Promise<ClientAnswer> {
      const request = {
        model,
        messages: [{ role: "user" as const, content: prompt }],
        tools: tools.map(({ name, description, parameters, run }) => ({
          type: "function" as const,
          function: { name, description, parameters: { ...parameters }, parse: JSON.parse, function: run },
        })),
      };
      const { completions } = client.chat;
      const runner = stream ? completions.runTools({ ...request, stream: true }) : completions.runTools(request);
      const text = (await runner.finalContent()) ?? "";
      const usage = await runner.totalUsage();
      return { text, finish: "stop", usage: { input: usage.prompt_tokens, output: usage.completion_tokens } };
    },
    failureOf: openaiFailure,
  };
};

export const createAnthropicRunner: CreateDriver = ({ origin }) => {
  const client = new Anthropic({ baseURL: origin, apiKey: "none", maxRetries: 0 });
  return {
    id: "anthropic-tool-runner",
    name: "Anthropic JS, beta toolRunner",
    package: "@anthropic-ai/sdk",
    protocol: "anthropic-messages",
    async useTools({ model, prompt, tools, stream }): Promise<ClientAnswer> {
      const request = {
        model,
        max_tokens: 500,
        messages: [{ role: "user" as const, content: prompt }],
        tools: tools.map(({ name, description, parameters, run }) =>
          betaTool({ name, description, inputSchema: { type: "object", ...parameters }, run }),
        ),
      };
      const { messages } = client.beta;
      const runner = stream
        ? messages.toolRunner({ ...request, stream: true })
        : messages.toolRunner({ ...request, stream: false });
      const last = await runner.runUntilDone();
      const text = last.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
      return { text, finish: last.stop_reason ?? undefined, usage: undefined };
    },
    failureOf: () => undefined,
  };
};
