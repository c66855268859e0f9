import { Ollama, type GenerateRequest, type GenerateResponse } from "ollama";
import { once, type ClientAnswer, type CreateDriver, type Question } from "../driver.ts";

function requestOf({ model, prompt, system, picture, schema }: Question): GenerateRequest {
  return {
    model,
    prompt,
    ...(system !== undefined && { system }),
    ...(picture !== undefined && { images: [picture.base64] }),
    ...(schema !== undefined && { format: { ...schema } }),
  };
}

function usageOf({ prompt_eval_count: input, eval_count: output }: GenerateResponse): ClientAnswer["usage"] {
  return { input, output };
}

export const createOllamaGenerate: CreateDriver = ({ origin }) => {
  const client = new Ollama({ host: origin });
  return {
    id: "ollama-generate",
    name: "Ollama JS, generate",
    package: "ollama",
    protocol: "ollama-generate",
    async ask(question) {
      const answer = await client.generate({ ...requestOf(question), stream: false });
      return {
        text: answer.response ?? "",
        reasoning: answer.thinking ?? "",
        finish: answer.done_reason,
        usage: usageOf(answer),
      };
    },
    async askStream(question) {
      const told = once(question.onText);
      const stream = await client.generate({ ...requestOf(question), stream: true });
      question.signal?.addEventListener("abort", () => stream.abort());
      const answer: ClientAnswer = { text: "", reasoning: "", finish: undefined, usage: undefined };
      for await (const piece of stream) {
        answer.text += piece.response ?? "";
        answer.reasoning += piece.thinking ?? "";
        told(piece.response ?? "");
        if (!piece.done) continue;
        answer.finish = piece.done_reason;
        answer.usage = usageOf(piece);
      }
      return answer;
    },
    failureOf(error) {
      if (!(error instanceof Error) || error.name === "AbortError") return undefined;
      const { status_code: status } = error as Error & { status_code?: number };
      return { status, message: error.message };
    },
  };
};
