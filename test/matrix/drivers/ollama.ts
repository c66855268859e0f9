import { Ollama, type ChatRequest, type ChatResponse, type Message } from "ollama";
import { once, runTool, type ClientAnswer, type CreateDriver, type Question, type ToolQuestion } from "../driver.ts";

function requestOf({ model, prompt, system, picture, schema }: Question): ChatRequest {
  const user: Message = { role: "user", content: prompt, ...(picture !== undefined && { images: [picture.base64] }) };
  return {
    model,
    messages: system === undefined ? [user] : [{ role: "system", content: system }, user],
    ...(schema !== undefined && { format: { ...schema } }),
  };
}

function usageOf({ prompt_eval_count: input, eval_count: output }: ChatResponse): ClientAnswer["usage"] {
  return { input, output };
}

export const createOllama: CreateDriver = ({ origin }) => {
  const client = new Ollama({ host: origin });

  async function readStream(request: ChatRequest, { signal, onText }: Pick<Question, "signal" | "onText">) {
    const told = once(onText);
    const stream = await client.chat({ ...request, stream: true });
    signal?.addEventListener("abort", () => stream.abort());
    const answer: ClientAnswer & { reasoning: string; message: Message } = {
      text: "",
      reasoning: "",
      finish: undefined,
      usage: undefined,
      message: { role: "assistant", content: "" },
    };
    for await (const piece of stream) {
      const { content, thinking = "", tool_calls: calls = [] } = piece.message;
      answer.text += content;
      answer.reasoning += thinking;
      if (calls.length > 0) answer.message.tool_calls = [...(answer.message.tool_calls ?? []), ...calls];
      told(content);
      if (!piece.done) continue;
      answer.finish = piece.done_reason;
      answer.usage = usageOf(piece);
    }
    const thinking = answer.reasoning === "" ? {} : { thinking: answer.reasoning };
    return { ...answer, message: { ...answer.message, ...thinking, content: answer.text } };
  }

  async function readWhole(request: ChatRequest) {
    const answer = await client.chat({ ...request, stream: false });
    const { message, done_reason: finish } = answer;
    return { text: message.content, reasoning: message.thinking ?? "", finish, usage: usageOf(answer), message };
  }

  async function useTools({ model, prompt, tools, stream }: ToolQuestion): Promise<ClientAnswer> {
    const messages: Message[] = [{ role: "user", content: prompt }];
    const declared = tools.map(({ name, description, parameters }) => ({
      type: "function",
      function: { name, description, parameters: { ...parameters } },
    }));
    for (let turn = 0; turn < 4; turn += 1) {
      const request: ChatRequest = { model, messages, tools: declared };
      const answer = stream ? await readStream(request, {}) : await readWhole(request);
      const calls = answer.message.tool_calls ?? [];
      if (calls.length === 0) return answer;
      messages.push(answer.message);
      for (const { function: call } of calls) {
        const content = runTool(tools, { name: call.name, input: call.arguments });
        messages.push({ role: "tool", content, tool_name: call.name });
      }
    }
    throw new Error("the model never stopped to call tools");
  }

  return {
    id: "ollama",
    name: "Ollama JS",
    package: "ollama",
    protocol: "ollama-chat",
    async models() {
      const { models } = await client.list();
      const names = models.map(({ model }) => model);
      const { capabilities } = await client.show({ model: names[0] ?? "" });
      await Promise.all([client.ps(), client.version()]);
      return capabilities.includes("completion") ? names : [];
    },
    ask: (question) => readWhole(requestOf(question)),
    askStream: (question) => readStream(requestOf(question), question),
    useTools,
    async embed({ model, texts }) {
      const { embeddings } = await client.embed({ model, input: [...texts] });
      return embeddings;
    },
    failureOf(error) {
      // In a stream the SDK throws a plain Error with the text.
      if (!(error instanceof Error) || error.name === "AbortError") return undefined;
      const { status_code: status } = error as Error & { status_code?: number };
      return { status, message: error.message };
    },
  };
};
