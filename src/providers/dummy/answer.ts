import { z } from "zod";

const toolSchema = z.looseObject({
  function: z.looseObject({
    name: z.string(),
    parameters: z
      .looseObject({ properties: z.record(z.string(), z.unknown()).optional() })
      .nullish()
      .catch(undefined),
  }),
});

/** What the dummy reads of a request. */
export const dummyRequestSchema = z.looseObject({
  model: z.string(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown().optional() })).min(1),
  tools: z.array(toolSchema).nullish(),
  tool_choice: z.union([z.string(), z.looseObject({ function: z.looseObject({ name: z.string() }) })]).nullish(),
});

export type DummyRequest = z.infer<typeof dummyRequestSchema>;

export interface DummyAnswer {
  id: string;
  /** The text, in the pieces a stream sends. */
  pieces: string[];
  toolCall: { id: string; name: string; arguments: string } | undefined;
  promptTokens: number;
  completionTokens: number;
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: { text?: unknown } | null) => (typeof part?.text === "string" ? part.text : "")).join(" ");
}

/** A rough but repeatable count: four characters a token, as English text has. */
function countTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/** Calls a tool when told to (`tool_choice`), or when the user's text names it; never twice in a row. */
function chooseTool(request: DummyRequest, lastText: string): string | undefined {
  const names = (request.tools ?? []).map((tool) => tool.function.name);
  if (names.length === 0 || request.tool_choice === "none") return undefined;
  if (typeof request.tool_choice === "object" && request.tool_choice !== null) return request.tool_choice.function.name;
  if (request.messages.at(-1)?.role === "tool") return undefined;
  if (request.tool_choice === "required") return names[0];
  return names.find((name) => lastText.includes(name));
}

const sampleOfType: Readonly<Record<string, unknown>> = {
  string: "sample",
  number: 1,
  integer: 1,
  boolean: true,
  array: [],
  object: {},
};

function argumentsFor(request: DummyRequest, name: string): string {
  const properties = request.tools?.find((tool) => tool.function.name === name)?.function.parameters?.properties ?? {};
  const values = Object.entries(properties).map(([key, schema]) => {
    const type = typeof schema === "object" && schema !== null && "type" in schema ? String(schema.type) : "string";
    return [key, sampleOfType[type] ?? "sample"] as const;
  });
  return JSON.stringify(Object.fromEntries(values));
}

function answerText(request: DummyRequest, lastText: string): string {
  const last = request.messages.at(-1);
  if (last?.role === "tool") return `The tool answered: ${textOf(last.content)}`;
  return `You said: ${lastText === "" ? "nothing" : lastText} (This is the built-in dummy model; set OR_API_KEY to reach real ones.)`;
}

/** The same request always gets the same answer. */
export function createDummyAnswer(request: DummyRequest): DummyAnswer {
  const lastText = textOf(request.messages.findLast((message) => message.role === "user")?.content);
  const prompt = request.messages.map((message) => textOf(message.content)).join("\n");
  const hash = Bun.hash(JSON.stringify(request.messages)).toString(36);
  const tool = chooseTool(request, lastText);
  if (tool !== undefined) {
    const call = { id: `call_${hash}`, name: tool, arguments: argumentsFor(request, tool) };
    return {
      id: `chatcmpl-${hash}`,
      pieces: [],
      toolCall: call,
      promptTokens: countTokens(prompt),
      completionTokens: countTokens(call.name + call.arguments),
    };
  }
  const text = answerText(request, lastText);
  return {
    id: `chatcmpl-${hash}`,
    pieces: text.match(/\S+\s*/g) ?? [],
    toolCall: undefined,
    promptTokens: countTokens(prompt),
    completionTokens: countTokens(text),
  };
}
