import { invalidRequest } from "../../errors.ts";
import type {
  AudioPart,
  CacheMark,
  FilePart,
  ImagePart,
  OpaquePart,
  Part,
  TextPart,
} from "../canonical/conversation.ts";
import { sourceOfUrl } from "../canonical/media.ts";
import { fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { markOf, requiredObject, requiredText } from "../request-fields.ts";

type ShownPart = TextPart | ImagePart | AudioPart | FilePart | OpaquePart;

/** OpenAI's mark for a prompt cache, or Anthropic's, which other clients of this protocol send. */
export function cacheOf(fields: Fields): CacheMark | undefined {
  return markOf(fields["cache_control"] ?? fields["prompt_cache_breakpoint"]);
}

function textPart(part: Fields, path: string): TextPart {
  const text = stringOf(part["text"]);
  if (text === undefined) throw invalidRequest(`\`${path}.text\` must be a text.`, `${path}.text`);
  return { type: "text", text, cache: cacheOf(part) };
}

/** The official form is an object; a bare URL is what Responses have. */
function imagePart(part: Fields, path: string): ImagePart {
  const image = part["image_url"];
  const url = stringOf(image) ?? requiredText(requiredObject(image, `${path}.image_url`), "url", `${path}.image_url`);
  const detail = filledOf(fieldsOf(image)["detail"]) ?? filledOf(part["detail"]);
  return { type: "image", source: sourceOfUrl(url), detail, cache: cacheOf(part) };
}

function audioPart(part: Fields, path: string): AudioPart {
  const audio = requiredObject(part["input_audio"], `${path}.input_audio`);
  const data = requiredText(audio, "data", `${path}.input_audio`);
  if (data.startsWith("data:")) return { type: "audio", source: sourceOfUrl(data) };
  const format = filledOf(audio["format"]) ?? "wav";
  const mediaType = format === "mp3" ? "audio/mpeg" : `audio/${format}`;
  return { type: "audio", source: { kind: "base64", mediaType, data } };
}

const isUrl = /^(?:data|https?):/i;

function filePart(part: Fields, path: string): FilePart {
  const file = requiredObject(part["file"], `${path}.file`);
  const name = filledOf(file["filename"]);
  const id = filledOf(file["file_id"]);
  const data = filledOf(file["file_data"]);
  const cache = cacheOf(part);
  if (data === undefined) {
    if (id === undefined) throw invalidRequest(`\`${path}.file\` needs \`file_data\` or \`file_id\`.`, `${path}.file`);
    return { type: "file", source: { kind: "file-id", id }, name, cache };
  }
  if (isUrl.test(data)) return { type: "file", source: sourceOfUrl(data), name, cache };
  return { type: "file", source: { kind: "base64", mediaType: "application/pdf", data }, name, cache };
}

function shownPart(part: Fields, path: string): ShownPart {
  switch (part["type"]) {
    case "text":
    case "input_text":
    case "output_text":
      return textPart(part, path);
    case "image_url":
    case "input_image":
      return imagePart(part, path);
    case "input_audio":
      return audioPart(part, path);
    case "file":
      return filePart(part, path);
    default:
      return { type: "opaque", protocol: "openai-chat", value: part };
  }
}

/** Thoughts as Mistral has them (a list of texts), or as Anthropic has them (a text). */
export function thinkingTextOf(part: Fields): string {
  const { thinking } = part;
  if (typeof thinking === "string") return thinking;
  return listOf(thinking)
    .map((piece) => stringOf(fieldsOf(piece)["text"]) ?? "")
    .join("");
}

/** `cache_control` on a message whose content is a bare text is meant for that text. */
function textOf(text: string, message: Fields): TextPart[] {
  return text === "" ? [] : [{ type: "text", text, cache: cacheOf(message) }];
}

function partsIn(message: Fields, path: string, partAt: (part: Fields, path: string) => Part[]): Part[] {
  const content = message["content"] ?? "";
  if (typeof content === "string") return textOf(content, message);
  const at = `${path}.content`;
  if (!Array.isArray(content)) throw invalidRequest(`\`${at}\` must be a text or an array of parts.`, at);
  return content.flatMap((part: unknown, index) => partAt(requiredObject(part, `${at}[${index}]`), `${at}[${index}]`));
}

/** Content of a message of anybody but the assistant; `path` is the message's. Throws GatewayError (400) that names the part. */
export function readContent(message: Fields, path: string): Part[] {
  return partsIn(message, path, (part, at) => [shownPart(part, at)]);
}

/** What a tool gave: sounds have no place in a result. */
export function readResultContent(message: Fields, path: string): (TextPart | ImagePart | FilePart | OpaquePart)[] {
  return readContent(message, path).flatMap((part) => {
    if (part.type === "audio") return [{ type: "opaque", protocol: "openai-chat", value: part.source }];
    return part.type === "text" || part.type === "image" || part.type === "file" || part.type === "opaque"
      ? [part]
      : [];
  });
}

function assistantPart(part: Fields, path: string): Part[] {
  if (part["type"] === "refusal") return [{ type: "refusal", text: stringOf(part["refusal"]) ?? "" }];
  if (part["type"] !== "thinking") return [shownPart(part, path)];
  const text = thinkingTextOf(part);
  return text === "" ? [] : [{ type: "reasoning", text, opaque: [] }];
}

/** Content of an assistant's message, in the order it has it. */
export function readAssistantContent(message: Fields, path: string): Part[] {
  return partsIn(message, path, assistantPart);
}

/** Pictures that a model made (OpenRouter). */
export function imagesOf(turn: Fields): ImagePart[] {
  return listOf(turn["images"]).flatMap((entry): ImagePart[] => {
    const image = isFields(entry) ? entry["image_url"] : undefined;
    const url = filledOf(image) ?? filledOf(fieldsOf(image)["url"]);
    return url === undefined ? [] : [{ type: "image", source: sourceOfUrl(url) }];
  });
}
