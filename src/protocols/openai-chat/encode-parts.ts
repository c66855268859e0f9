import { invalidRequest } from "../../errors.ts";
import type { AudioPart, FilePart, ImagePart, OpaquePart, Part, Source, TextPart } from "../canonical/conversation.ts";
import { isTextType, sniffMediaType, urlOfSource } from "../canonical/media.ts";
import { clientField } from "../canonical/client-field.ts";
import { isFields, stringOf, type Fields, wellFormed } from "../fields.ts";
import { cacheFields, lose, type Encoding } from "./encoding.ts";

function textPart({ text, cache }: TextPart, encoding: Encoding): Fields {
  return { type: "text", text: wellFormed(text), ...cacheFields(cache, encoding) };
}

function inlineUrl(source: Source): string | undefined {
  return source.kind === "base64" ? urlOfSource({ ...source, mediaType: sniffMediaType(source) }) : urlOfSource(source);
}

function imagePart({ source, detail, cache }: ImagePart, encoding: Encoding): Fields[] {
  const url = inlineUrl(source);
  if (url === undefined) {
    lose(encoding, "turns", "pictures kept as files cannot be named in openai-chat");
    return [];
  }
  const image = { url, ...(detail === undefined ? {} : { detail }) };
  return [{ type: "image_url", image_url: image, ...cacheFields(cache, encoding) }];
}

const formats: Readonly<Record<string, string>> = { mpeg: "mp3", "x-wav": "wav", wave: "wav" };

function audioPart({ source }: AudioPart, { conversation }: Encoding): Fields {
  if (source.kind !== "base64") {
    const field = clientField(conversation.protocol, "turns");
    throw invalidRequest("Sound by URL cannot be sent to this model's provider; send it inline as base64.", field);
  }
  const type = source.mediaType.replace("audio/", "");
  return { type: "input_audio", input_audio: { data: source.data, format: formats[type] ?? type } };
}

/** Files in OpenAI's own store are known by their id to its two protocols. */
function knowsFileIds({ conversation }: Encoding): boolean {
  return conversation.protocol === "openai-chat" || conversation.protocol === "openai-responses";
}

function filePart({ source, name, cache }: FilePart, encoding: Encoding): Fields[] {
  const marks = cacheFields(cache, encoding);
  if (source.kind === "base64" && isTextType(source.mediaType)) {
    const text = wellFormed(Buffer.from(source.data, "base64").toString("utf8"));
    return [{ type: "text", text: name === undefined ? text : `[${name}]\n${text}`, ...marks }];
  }
  if (source.kind === "file-id") {
    if (knowsFileIds(encoding)) return [{ type: "file", file: { file_id: source.id }, ...marks }];
    lose(encoding, "turns", "documents kept as files cannot be named in openai-chat");
    return [];
  }
  if (source.kind === "url" && encoding.target.provider !== "openrouter") {
    const field = clientField(encoding.conversation.protocol, "turns");
    throw invalidRequest("A document by URL cannot be sent to this model's provider; send it inline as base64.", field);
  }
  const file = { filename: name ?? "document.pdf", file_data: inlineUrl(source) ?? "" };
  return [{ type: "file", file, ...marks }];
}

function opaquePart({ protocol, value }: OpaquePart, encoding: Encoding): Fields[] {
  if (protocol === "openai-chat" && isFields(value)) return [value];
  lose(encoding, "turns", `a part that only ${protocol} knows`);
  return [];
}

/** A part as content of a message. Empty for what is told of as a loss, and for what stands elsewhere in a message. */
export function shownParts(part: Part, encoding: Encoding): Fields[] {
  switch (part.type) {
    case "text":
      return [textPart(part, encoding)];
    case "refusal":
      return [{ type: "text", text: wellFormed(part.text) }];
    case "image":
      return imagePart(part, encoding);
    case "audio":
      return [audioPart(part, encoding)];
    case "file":
      return filePart(part, encoding);
    case "opaque":
      return opaquePart(part, encoding);
    case "reasoning":
    case "tool_call":
    case "tool_result":
      break;
  }
  return [];
}

export function isTextOnly(part: Fields): boolean {
  return part["type"] === "text";
}

/** The pieces of a streamed answer are parts of their own in Gemini's history; elsewhere parts are paragraphs. */
function glueOf({ conversation }: Encoding): string {
  return conversation.protocol === "gemini-generate" ? "" : "\n\n";
}

/** Texts as one: many servers take nothing else. A list where it holds more than text, or marks for a cache. */
export function contentOf(parts: readonly Fields[], encoding: Encoding): string | readonly Fields[] {
  const isPlain = parts.every((part) => isTextOnly(part) && Object.keys(part).length === 2);
  return isPlain ? parts.map(({ text }) => stringOf(text) ?? "").join(glueOf(encoding)) : parts;
}
