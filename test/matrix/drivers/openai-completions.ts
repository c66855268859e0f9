import OpenAI from "openai";
import type { CompletionUsage } from "openai/resources/completions";
import { once, type ClientAnswer, type CreateDriver, type Question } from "../driver.ts";
import { openaiFailure } from "./openai-failure.ts";

function usageOf(usage: CompletionUsage | null | undefined): ClientAnswer["usage"] {
  return usage ? { input: usage.prompt_tokens, output: usage.completion_tokens } : undefined;
}

export const createOpenaiCompletions: CreateDriver = ({ origin }) => {
  const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey: "none", maxRetries: 0 });

  async function askStream({ model, prompt, signal, onText }: Question): Promise<ClientAnswer> {
    const told = once(onText);
    const request = { model, prompt, max_tokens: 500, stream: true, stream_options: { include_usage: true } } as const;
    const stream = await client.completions.create(request, signal && { signal });
    const answer: ClientAnswer = { text: "", finish: undefined, usage: undefined };
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      answer.text += choice?.text ?? "";
      answer.finish = choice?.finish_reason ?? answer.finish;
      answer.usage = usageOf(chunk.usage) ?? answer.usage;
      told(choice?.text ?? "");
    }
    // The SDK ends an aborted stream as if it were over.
    signal?.throwIfAborted();
    return answer;
  }

  return {
    id: "openai-completions",
    name: "OpenAI JS, completions",
    package: "openai",
    protocol: "openai-completions",
    async ask({ model, prompt, signal }) {
      const answer = await client.completions.create({ model, prompt, max_tokens: 500 }, signal && { signal });
      const [choice] = answer.choices;
      return { text: choice?.text ?? "", finish: choice?.finish_reason, usage: usageOf(answer.usage) };
    },
    askStream,
    failureOf: openaiFailure,
  };
};
