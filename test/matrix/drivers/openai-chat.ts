import OpenAI, { toFile } from "openai";
import type { ChatCompletionCreateParams, ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources";
import type { CompletionUsage } from "openai/resources/completions";
import { once, runTool, type ClientAnswer, type CreateDriver, type Question, type ToolQuestion } from "../driver.ts";
import { openaiFailure } from "./openai-failure.ts";

function messagesOf({ system, prompt, picture }: Question): ChatCompletionMessageParam[] {
  const leading: ChatCompletionMessageParam[] = system === undefined ? [] : [{ role: "system", content: system }];
  if (picture === undefined) return [...leading, { role: "user", content: prompt }];
  const url = `data:${picture.mediaType};base64,${picture.base64}`;
  const content = [
    { type: "text" as const, text: prompt },
    { type: "image_url" as const, image_url: { url } },
  ];
  return [...leading, { role: "user", content }];
}

function requestOf(question: Question): ChatCompletionCreateParams {
  const { model, schema } = question;
  const request = { model, messages: messagesOf(question) };
  if (schema === undefined) return request;
  return {
    ...request,
    response_format: { type: "json_schema", json_schema: { name: "answer", schema: { ...schema }, strict: true } },
  };
}

function usageOf(usage: CompletionUsage | null | undefined): ClientAnswer["usage"] {
  return usage ? { input: usage.prompt_tokens, output: usage.completion_tokens } : undefined;
}

/** Not in the SDK's types; many OpenAI-like services send it, and clients read it. */
function reasoningOf(message: object): string {
  const { reasoning_content: text, reasoning } = message as { reasoning_content?: unknown; reasoning?: unknown };
  return [text, reasoning].find((found) => typeof found === "string") ?? "";
}

function toolsOf(question: ToolQuestion): ChatCompletionTool[] {
  return question.tools.map(({ name, description, parameters }) => ({
    type: "function",
    function: { name, description, parameters: { ...parameters } },
  }));
}

export const createOpenaiChat: CreateDriver = ({ origin }) => {
  const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey: "none", maxRetries: 0 });

  async function ask(question: Question): Promise<ClientAnswer> {
    const answer = await client.chat.completions.create(
      { ...requestOf(question), stream: false },
      question.signal && { signal: question.signal },
    );
    const [choice] = answer.choices;
    return {
      text: choice?.message.content ?? "",
      reasoning: reasoningOf(choice?.message ?? {}),
      finish: choice?.finish_reason,
      usage: usageOf(answer.usage),
    };
  }

  async function askStream(question: Question): Promise<ClientAnswer> {
    const told = once(question.onText);
    const stream = await client.chat.completions.create(
      { ...requestOf(question), stream: true, stream_options: { include_usage: true } },
      question.signal && { signal: question.signal },
    );
    const answer: ClientAnswer = { text: "", reasoning: "", finish: undefined, usage: undefined };
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      answer.text += choice?.delta.content ?? "";
      answer.reasoning += reasoningOf(choice?.delta ?? {});
      answer.finish = choice?.finish_reason ?? answer.finish;
      answer.usage = usageOf(chunk.usage) ?? answer.usage;
      told(choice?.delta.content ?? "");
    }
    // The SDK ends an aborted stream as if it were over.
    question.signal?.throwIfAborted();
    return answer;
  }

  async function complete(question: ToolQuestion, messages: ChatCompletionMessageParam[]) {
    const request = { model: question.model, messages, tools: toolsOf(question) };
    if (!question.stream) return client.chat.completions.create(request);
    return client.chat.completions
      .stream({ ...request, stream_options: { include_usage: true } })
      .finalChatCompletion();
  }

  async function useTools(question: ToolQuestion): Promise<ClientAnswer> {
    const messages: ChatCompletionMessageParam[] = [{ role: "user", content: question.prompt }];
    for (let turn = 0; turn < 4; turn += 1) {
      const answer = await complete(question, messages);
      const [choice] = answer.choices;
      const calls = choice?.message.tool_calls ?? [];
      if (choice === undefined || calls.length === 0) {
        return { text: choice?.message.content ?? "", finish: choice?.finish_reason, usage: usageOf(answer.usage) };
      }
      if (choice.finish_reason !== "tool_calls") throw new Error(`calls with finish_reason ${choice.finish_reason}`);
      // The SDK's stream adds what it has parsed, which OpenAI refuses as an unknown parameter.
      const { parsed: _, ...message } = choice.message as typeof choice.message & { parsed?: unknown };
      messages.push(message);
      for (const call of calls) {
        if (call.type !== "function") throw new Error(`a call of type ${call.type}`);
        const input: unknown = JSON.parse(call.function.arguments);
        const content = runTool(question.tools, { name: call.function.name, input });
        messages.push({ role: "tool", tool_call_id: call.id, content });
      }
    }
    throw new Error("the model never stopped to call tools");
  }

  return {
    id: "openai-chat",
    name: "OpenAI JS, chat",
    package: "openai",
    protocol: "openai-chat",
    ask,
    askStream,
    useTools,
    failureOf: openaiFailure,
    async models() {
      const ids: string[] = [];
      for await (const model of client.models.list()) ids.push(model.id);
      const one = await client.models.retrieve(ids[0] ?? "");
      return one.id === ids[0] ? ids : [];
    },
    async embed({ model, texts }) {
      const { data } = await client.embeddings.create({ model, input: [...texts] });
      return data.map(({ embedding }) => embedding);
    },
    async draw({ model, prompt }) {
      const { data } = await client.images.generate({ model, prompt });
      return data?.[0]?.b64_json ?? "";
    },
    async speak({ model, text }) {
      const response = await client.audio.speech.create({ model, voice: "alloy", input: text });
      return new Uint8Array(await response.arrayBuffer());
    },
    async transcribe({ model, audio }) {
      const file = await toFile(audio, "speech.mp3", { type: "audio/mpeg" });
      const { text } = await client.audio.transcriptions.create({ model, file });
      return text;
    },
    async moderate({ model, texts }) {
      const { results } = await client.moderations.create({ model, input: [...texts] });
      return results.map(({ flagged }) => flagged);
    },
  };
};
