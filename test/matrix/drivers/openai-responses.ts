import OpenAI from "openai";
import type {
  FunctionTool,
  Response as ResponsesAnswer,
  ResponseCreateParams,
  ResponseInput,
  ResponseInputItem,
} from "openai/resources/responses/responses";
import { once, runTool, type ClientAnswer, type CreateDriver, type Question, type ToolQuestion } from "../driver.ts";
import { openaiFailure } from "./openai-failure.ts";

function inputOf({ prompt, picture }: Question): ResponseInput | string {
  if (picture === undefined) return prompt;
  const image_url = `data:${picture.mediaType};base64,${picture.base64}`;
  return [
    {
      role: "user",
      content: [
        { type: "input_text", text: prompt },
        { type: "input_image", image_url, detail: "auto" },
      ],
    },
  ];
}

function requestOf(question: Question): ResponseCreateParams {
  const { model, system, schema } = question;
  const request: ResponseCreateParams = { model, input: inputOf(question), store: false };
  if (system !== undefined) request.instructions = system;
  if (schema !== undefined)
    request.text = { format: { type: "json_schema", name: "answer", schema: { ...schema }, strict: true } };
  return request;
}

function reasoningOf(answer: ResponsesAnswer): string {
  const items = answer.output.filter((item) => item.type === "reasoning");
  return items.flatMap((item) => [...item.summary, ...(item.content ?? [])].map(({ text }) => text)).join("");
}

function answerOf(answer: ResponsesAnswer): ClientAnswer {
  const { usage, status, output_text: text } = answer;
  if (status === "failed") throw new Error(`failed: ${answer.error?.message}`);
  return {
    text,
    reasoning: reasoningOf(answer),
    finish: answer.incomplete_details?.reason ?? status,
    usage: usage && { input: usage.input_tokens, output: usage.output_tokens },
  };
}

function toolsOf(question: ToolQuestion): FunctionTool[] {
  return question.tools.map(({ name, description, parameters }) => ({
    type: "function",
    name,
    description,
    parameters: { ...parameters },
    strict: false,
  }));
}

/** The SDK's stream adds what it has parsed, which OpenAI refuses as an unknown parameter. */
function asInput(item: ResponsesAnswer["output"][number]): ResponseInputItem {
  const text = JSON.stringify(item, (key, value: unknown) => (/^parsed(?:_arguments)?$/.test(key) ? undefined : value));
  return JSON.parse(text) as ResponseInputItem;
}

export const createOpenaiResponses: CreateDriver = ({ origin }) => {
  const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey: "none", maxRetries: 0 });

  /** The SDK's own stream accumulates, and refuses events that are out of order. */
  async function askStream(question: Question): Promise<ClientAnswer> {
    const told = once(question.onText);
    const { stream: _, ...request } = requestOf(question);
    const stream = client.responses.stream(request, question.signal && { signal: question.signal });
    let text = "";
    for await (const event of stream) {
      if (event.type === "response.failed") throw new Error(`failed: ${event.response.error?.message}`);
      if (event.type !== "response.output_text.delta") continue;
      text += event.delta;
      told(event.delta);
    }
    const answer = answerOf(await stream.finalResponse());
    if (answer.text !== text) throw new Error(`the deltas say '${text}', the response '${answer.text}'`);
    return answer;
  }

  async function respond(question: ToolQuestion, input: ResponseInputItem[]): Promise<ResponsesAnswer> {
    const include: ResponseCreateParams["include"] = ["reasoning.encrypted_content"];
    const request = { model: question.model, input, tools: toolsOf(question), store: false, include };
    if (!question.stream) return client.responses.create(request);
    return client.responses.stream(request).finalResponse();
  }

  async function useTools(question: ToolQuestion): Promise<ClientAnswer> {
    const input: ResponseInputItem[] = [{ role: "user", content: question.prompt }];
    for (let turn = 0; turn < 4; turn += 1) {
      const answer = await respond(question, input);
      const calls = answer.output.filter((item) => item.type === "function_call");
      if (calls.length === 0) return answerOf(answer);
      input.push(...answer.output.map(asInput));
      for (const call of calls) {
        const output = runTool(question.tools, { name: call.name, input: JSON.parse(call.arguments) as unknown });
        input.push({ type: "function_call_output", call_id: call.call_id, output });
      }
    }
    throw new Error("the model never stopped to call tools");
  }

  return {
    id: "openai-responses",
    name: "OpenAI JS, responses",
    package: "openai",
    protocol: "openai-responses",
    async ask(question) {
      const options = question.signal && { signal: question.signal };
      return answerOf(await client.responses.create({ ...requestOf(question), stream: false }, options));
    },
    askStream,
    useTools,
    async carryOn({ model, prompts, stream }) {
      let previous: string | undefined;
      let text = "";
      for (const input of prompts) {
        const request = { model, input, ...(previous !== undefined && { previous_response_id: previous }) };
        const answer = stream
          ? await client.responses.stream(request).finalResponse()
          : await client.responses.create(request);
        previous = answer.id;
        text = answer.output_text;
      }
      return text;
    },
    async count({ model, prompt }) {
      const { input_tokens: tokens } = await client.responses.inputTokens.count({ model, input: prompt });
      return tokens;
    },
    failureOf: openaiFailure,
  };
};
