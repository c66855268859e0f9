import type { ProtocolName } from "../../src/config/protocol-names.ts";
import { at, fieldsOf, listOf, stringOf, textOf, type Fields } from "./replay-fields.ts";
import { toolsIn, type DeclaredTool } from "./replay-tools.ts";
import type { PlayedRequest } from "./wire/wire.ts";

/** What a request holds, read in its own protocol; for answers that prove what reached the upstream. */
export interface Asked {
  /** Text of the last user turn. */
  text: string;
  system: string;
  /** Of all user turns that hold a text. */
  userTexts: string[];
  /** Id of the response that this one carries on; empty where there is none. */
  previous: string;
  tools: DeclaredTool[];
  /** Tool results behind the last turn of the model, each with the name of the call it answers. */
  results: { name: string; text: string }[];
  /** Pictures of all user turns. */
  images: { mediaType: string; bytes: number }[];
  /** The JSON Schema that the answer shall satisfy. */
  schema: unknown;
  /** The tool that must be called. */
  forcedTool: DeclaredTool | undefined;
  /** Opaque state of reasoning that came back (signatures, encrypted reasoning). */
  signatures: string[];
}

/** What each protocol says in its own way; tools on offer are read elsewhere. */
type Content = Omit<Asked, "tools" | "forcedTool" | "text" | "previous">;

function sizeOfBase64(data: string): number {
  return Buffer.from(data, "base64").length;
}

function imageOfUrl(url: string): { mediaType: string; bytes: number } {
  const match = /^data:([^;,]+);base64,(.*)$/s.exec(url);
  return match === null
    ? { mediaType: url, bytes: 0 }
    : { mediaType: match[1] ?? "", bytes: sizeOfBase64(match[2] ?? "") };
}

/** Media type of a picture that comes without one. */
function sniffedImage(data: string): { mediaType: string; bytes: number } {
  const bytes = Buffer.from(data, "base64");
  const types = { "89504e47": "image/png", ffd8ffe0: "image/jpeg", "47494638": "image/gif" } as Record<string, string>;
  return { mediaType: types[bytes.toString("hex", 0, 4)] ?? "unknown", bytes: bytes.length };
}

/** Behind the last item that satisfies `isModel`; all of them when none does. */
function behindModel(items: readonly Fields[], isModel: (item: Fields) => boolean): Fields[] {
  return items.slice(items.findLastIndex(isModel) + 1);
}

const systemRoles: readonly unknown[] = ["system", "developer"];
const isAssistant = (item: Fields): boolean => item["role"] === "assistant";

function userTextsOf(messages: readonly Fields[]): string[] {
  const users = messages.filter((message) => message["role"] === "user");
  return users.map((message) => textOf(message["content"])).filter((text) => text !== "");
}

function openaiChat(body: unknown): Content {
  const messages = listOf(at(body, "messages"));
  const names = new Map(
    messages.flatMap((message) =>
      listOf(message["tool_calls"]).map((call) => [call["id"], stringOf(at(call, "function", "name"))] as const),
    ),
  );
  const images = messages
    .flatMap((message) => listOf(message["content"]))
    .filter((part) => part["type"] === "image_url");
  return {
    userTexts: userTextsOf(messages),
    system: textOf(messages.find((message) => systemRoles.includes(message["role"]))?.["content"]),
    results: behindModel(messages, isAssistant)
      .filter((message) => message["role"] === "tool")
      .map((message) => ({ name: names.get(message["tool_call_id"]) ?? "?", text: textOf(message["content"]) })),
    images: images.map((part) => imageOfUrl(stringOf(at(part, "image_url", "url")))),
    schema: at(body, "response_format", "json_schema", "schema"),
    signatures: messages.flatMap((message) =>
      listOf(message["reasoning_details"]).map((detail) => stringOf(detail["signature"])),
    ),
  };
}

const isModelItem = (item: Fields): boolean => isAssistant(item) || item["type"] === "function_call";

/** Encrypted reasoning, or a reference to what the upstream itself has kept. */
function reasoningState(item: Fields): string {
  if (item["type"] === "item_reference") return `reference ${stringOf(item["id"])}`;
  return stringOf(item["encrypted_content"]);
}

function openaiResponses(body: unknown): Content {
  const input = at(body, "input");
  const items = typeof input === "string" ? [{ role: "user", content: input }] : listOf(input);
  const calls = items.filter((item) => item["type"] === "function_call");
  const names = new Map(calls.map((call) => [call["call_id"], stringOf(call["name"])]));
  const images = items.flatMap((item) => listOf(item["content"])).filter((part) => part["type"] === "input_image");
  return {
    userTexts: userTextsOf(items),
    system:
      stringOf(at(body, "instructions")) ||
      textOf(items.find((item) => systemRoles.includes(item["role"]))?.["content"]),
    results: behindModel(items, isModelItem)
      .filter((item) => item["type"] === "function_call_output")
      .map((item) => ({ name: names.get(item["call_id"]) ?? "?", text: textOf(item["output"]) })),
    images: images.map((part) => imageOfUrl(stringOf(part["image_url"]))),
    schema: at(body, "text", "format", "schema"),
    signatures: items.map(reasoningState).filter((text) => text !== ""),
  };
}

function anthropicMessages(body: unknown): Content {
  const messages = listOf(at(body, "messages"));
  const blocks = messages.flatMap((message) => listOf(message["content"]));
  const names = new Map(
    blocks.filter((block) => block["type"] === "tool_use").map((block) => [block["id"], stringOf(block["name"])]),
  );
  const images = blocks.filter((block) => block["type"] === "image");
  return {
    userTexts: userTextsOf(messages),
    system: textOf(at(body, "system")),
    results: behindModel(messages, isAssistant)
      .flatMap((message) => listOf(message["content"]))
      .filter((block) => block["type"] === "tool_result")
      .map((block) => ({ name: names.get(block["tool_use_id"]) ?? "?", text: textOf(block["content"]) })),
    images: images.map(({ source }) => ({
      mediaType: stringOf(at(source, "media_type")),
      bytes: sizeOfBase64(stringOf(at(source, "data"))),
    })),
    schema: at(body, "output_config", "format", "schema"),
    signatures: blocks.map((block) => stringOf(block["signature"])).filter((text) => text !== ""),
  };
}

/** The text that a client wrapped into the object which Gemini wants. */
function functionResponseText(response: unknown): string {
  const fields = fieldsOf(response);
  const values = ["result", "output", "content"].map((name) => fields[name]);
  return values.find((value) => typeof value === "string") ?? JSON.stringify(response);
}

const isGeminiModel = (content: Fields): boolean => content["role"] === "model";

function geminiGenerate(body: unknown): Content {
  const contents = listOf(at(body, "contents"));
  const parts = contents.flatMap((content) => listOf(content["parts"]));
  const users = contents.filter((content) => !isGeminiModel(content));
  const config = at(body, "generationConfig");
  return {
    userTexts: userTextsOf(users.map((content) => ({ role: "user", content: content["parts"] }))),
    system: textOf(at(body, "systemInstruction", "parts")),
    results: behindModel(contents, isGeminiModel)
      .flatMap((content) => listOf(content["parts"]))
      .flatMap((part) => (part["functionResponse"] === undefined ? [] : [fieldsOf(part["functionResponse"])]))
      .map((response) => ({ name: stringOf(response["name"]), text: functionResponseText(response["response"]) })),
    images: parts
      .flatMap((part) => (part["inlineData"] === undefined ? [] : [part["inlineData"]]))
      .map((data) => ({ mediaType: stringOf(at(data, "mimeType")), bytes: sizeOfBase64(stringOf(at(data, "data"))) })),
    schema: at(config, "responseJsonSchema") ?? at(config, "responseSchema"),
    signatures: parts.map((part) => stringOf(part["thoughtSignature"])).filter((text) => text !== ""),
  };
}

function ollamaChat(body: unknown): Content {
  const messages = listOf(at(body, "messages"));
  const names = new Map(
    messages.flatMap((message) =>
      listOf(message["tool_calls"]).map((call) => [call["id"], stringOf(at(call, "function", "name"))] as const),
    ),
  );
  const images = messages.flatMap((message) => (Array.isArray(message["images"]) ? message["images"] : []));
  const format = at(body, "format");
  return {
    userTexts: userTextsOf(messages),
    system: textOf(messages.find((message) => message["role"] === "system")?.["content"]),
    results: behindModel(messages, isAssistant)
      .filter((message) => message["role"] === "tool")
      .map((message) => ({
        name: stringOf(message["tool_name"]) || (names.get(message["tool_call_id"]) ?? "?"),
        text: textOf(message["content"]),
      })),
    images: images.map((data) => sniffedImage(stringOf(data))),
    schema: typeof format === "object" ? format : undefined,
    signatures: [],
  };
}

function promptOnly(body: unknown): Content {
  const prompt = at(body, "prompt");
  const format = at(body, "format");
  return {
    userTexts: [typeof prompt === "string" ? prompt : JSON.stringify(prompt)],
    system: stringOf(at(body, "system")),
    results: [],
    images: [],
    schema: typeof format === "object" ? format : undefined,
    signatures: [],
  };
}

const readers: Record<ProtocolName, (body: unknown) => Content> = {
  "openai-chat": openaiChat,
  "openai-completions": promptOnly,
  "openai-responses": openaiResponses,
  "anthropic-messages": anthropicMessages,
  "gemini-generate": geminiGenerate,
  "ollama-chat": ollamaChat,
  "ollama-generate": promptOnly,
};

export function askedIn(protocol: ProtocolName, request: Pick<PlayedRequest, "body">): Asked {
  const content = readers[protocol](request.body);
  const text = content.userTexts.at(-1) ?? "";
  const previous = stringOf(at(request.body, "previous_response_id"));
  return { ...content, ...toolsIn(protocol, request.body), text, previous };
}
