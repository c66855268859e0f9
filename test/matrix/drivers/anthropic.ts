import Anthropic, { APIError } from "@anthropic-ai/sdk";
import type {
  ContentBlockParam,
  Message,
  MessageCreateParamsNonStreaming,
  MessageParam,
  Tool,
  ToolResultBlockParam,
  Usage,
} from "@anthropic-ai/sdk/resources/messages";
import { once, runTool, type ClientAnswer, type CreateDriver, type Question, type ToolQuestion } from "../driver.ts";

function requestOf({ model, prompt, system, picture, schema }: Question): MessageCreateParamsNonStreaming {
  const content: ContentBlockParam[] = [{ type: "text", text: prompt }];
  if (picture !== undefined) {
    const source = { type: "base64" as const, media_type: picture.mediaType, data: picture.base64 };
    content.push({ type: "image", source });
  }
  return {
    model,
    max_tokens: 500,
    messages: [{ role: "user", content: picture === undefined ? prompt : content }],
    ...(system !== undefined && { system }),
    ...(schema !== undefined && { output_config: { format: { type: "json_schema" as const, schema: { ...schema } } } }),
  };
}

function usageOf(usage: Usage): ClientAnswer["usage"] {
  const { input_tokens: uncached, cache_read_input_tokens: read, cache_creation_input_tokens: written } = usage;
  return { input: uncached + (read ?? 0) + (written ?? 0), output: usage.output_tokens };
}

function answerOf({ content, stop_reason: finish, usage }: Message): ClientAnswer {
  const texts = content.flatMap((block) => (block.type === "text" ? [block.text] : []));
  const thoughts = content.flatMap((block) => (block.type === "thinking" ? [block.thinking] : []));
  return { text: texts.join(""), reasoning: thoughts.join(""), finish: finish ?? undefined, usage: usageOf(usage) };
}

function toolsOf(question: ToolQuestion): Tool[] {
  return question.tools.map(({ name, description, parameters }) => ({
    name,
    description,
    input_schema: { type: "object", ...parameters },
  }));
}

export const createAnthropic: CreateDriver = ({ origin }) => {
  const client = new Anthropic({ baseURL: origin, apiKey: "none", maxRetries: 0 });

  async function askStream(question: Question): Promise<ClientAnswer> {
    const told = once(question.onText);
    const stream = client.messages.stream(requestOf(question), question.signal && { signal: question.signal });
    let text = "";
    stream.on("text", (delta) => {
      text += delta;
      told(delta);
    });
    const answer = answerOf(await stream.finalMessage());
    if (answer.text !== text) throw new Error(`the deltas say '${text}', the message '${answer.text}'`);
    return answer;
  }

  async function message(question: ToolQuestion, messages: MessageParam[]): Promise<Message> {
    const request = { model: question.model, max_tokens: 500, messages, tools: toolsOf(question) };
    return question.stream ? client.messages.stream(request).finalMessage() : client.messages.create(request);
  }

  async function useTools(question: ToolQuestion): Promise<ClientAnswer> {
    const messages: MessageParam[] = [{ role: "user", content: question.prompt }];
    for (let turn = 0; turn < 4; turn += 1) {
      const answer = await message(question, messages);
      const calls = answer.content.filter((block) => block.type === "tool_use");
      if (calls.length === 0) return answerOf(answer);
      if (answer.stop_reason !== "tool_use") throw new Error(`calls with stop_reason ${answer.stop_reason}`);
      const results = calls.map(({ id, name, input }): ToolResultBlockParam => ({
        type: "tool_result",
        tool_use_id: id,
        content: runTool(question.tools, { name, input }),
      }));
      messages.push({ role: "assistant", content: answer.content }, { role: "user", content: results });
    }
    throw new Error("the model never stopped to call tools");
  }

  return {
    id: "anthropic",
    name: "Anthropic JS",
    package: "@anthropic-ai/sdk",
    protocol: "anthropic-messages",
    async models() {
      const ids: string[] = [];
      for await (const model of client.models.list()) ids.push(model.id);
      const one = await client.models.retrieve(ids[0] ?? "");
      return one.id === ids[0] ? ids : [];
    },
    async ask(question) {
      return answerOf(
        await client.messages.create(requestOf(question), question.signal && { signal: question.signal }),
      );
    },
    askStream,
    useTools,
    async count({ model, prompt }) {
      const messages = [{ role: "user" as const, content: prompt }];
      const { input_tokens: tokens } = await client.messages.countTokens({ model, messages });
      return tokens;
    },
    failureOf(error) {
      if (!(error instanceof APIError)) return undefined;
      return { status: error.status as number | undefined, message: error.message };
    },
  };
};
