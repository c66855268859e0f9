import { invalidRequest } from "../../errors.ts";
import type {
  AudioPart,
  CacheMark,
  FilePart,
  ImagePart,
  RefusalPart,
  Source,
  TextPart,
} from "../canonical/conversation.ts";
import { sniffMediaType, sourceOfUrl } from "../canonical/media.ts";
import type { Losses } from "../canonical/losses.ts";
import { fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";

export interface PartPlace {
  /** Where the content stands in the body, e.g. `input[2].content`. */
  path: string;
  losses: Losses;
}

function cacheOf(part: Fields): { cache?: CacheMark } {
  const mark = part["prompt_cache_breakpoint"];
  return isFields(mark) ? { cache: { ttl: filledOf(mark["ttl"]) } } : {};
}

function readText(part: Fields): TextPart {
  const annotations = listOf(part["annotations"]);
  return {
    type: "text",
    text: stringOf(part["text"]) ?? "",
    ...(annotations.length === 0 ? {} : { citations: annotations }),
    ...cacheOf(part),
  };
}

function readImage(part: Fields, path: string): ImagePart {
  const image = part["image_url"];
  const url = filledOf(image) ?? filledOf(fieldsOf(image)["url"]);
  const id = filledOf(part["file_id"]);
  if (url === undefined && id === undefined)
    throw invalidRequest(`\`${path}\` must have an \`image_url\` or a \`file_id\`.`, `${path}.image_url`);
  const source: Source = url === undefined ? { kind: "file-id", id: id ?? "" } : sourceOfUrl(url);
  return { type: "image", source, detail: filledOf(part["detail"]), ...cacheOf(part) };
}

/** Bare base64 stands for a PDF unless its first bytes say otherwise. */
function sourceOfData(data: string): Source {
  if (data.startsWith("data:")) return sourceOfUrl(data);
  return { kind: "base64", mediaType: sniffMediaType({ mediaType: "application/pdf", data }), data };
}

function readFile(part: Fields, path: string): FilePart {
  const data = filledOf(part["file_data"]);
  const url = filledOf(part["file_url"]);
  const id = filledOf(part["file_id"]);
  const name = filledOf(part["filename"]);
  if (data !== undefined) return { type: "file", source: sourceOfData(data), name, ...cacheOf(part) };
  if (url !== undefined) return { type: "file", source: sourceOfUrl(url), name, ...cacheOf(part) };
  if (id !== undefined) return { type: "file", source: { kind: "file-id", id }, name, ...cacheOf(part) };
  throw invalidRequest(`\`${path}\` must have \`file_data\`, \`file_url\` or \`file_id\`.`, `${path}.file_data`);
}

function readAudio(part: Fields, path: string): AudioPart {
  const audio = fieldsOf(part["input_audio"]);
  const data = filledOf(audio["data"]);
  if (data === undefined) throw invalidRequest(`\`${path}.input_audio.data\` is missing.`, `${path}.input_audio.data`);
  const format = filledOf(audio["format"]) ?? "wav";
  return { type: "audio", source: { kind: "base64", mediaType: `audio/${format === "mp3" ? "mpeg" : format}`, data } };
}

type ContentPart = TextPart | ImagePart | FilePart | AudioPart | RefusalPart;

function readPart(value: unknown, { path, losses }: PartPlace): ContentPart[] {
  if (typeof value === "string") return [{ type: "text", text: value }];
  if (!isFields(value)) throw invalidRequest(`\`${path}\` must be an object.`, path);
  const type = stringOf(value["type"]) ?? "";
  switch (type) {
    case "input_text":
    case "output_text":
    case "summary_text":
    case "reasoning_text":
    case "text":
      return [readText(value)];
    case "input_image":
    case "computer_screenshot":
      return [readImage(value, path)];
    case "input_file":
      return [readFile(value, path)];
    case "input_audio":
      return [readAudio(value, path)];
    case "refusal":
      return [{ type: "refusal", text: stringOf(value["refusal"]) ?? "" }];
    default:
      losses.add(path, `parts of type ${type.slice(0, 60)} are not known`);
      return [];
  }
}

/** A part that says nothing: most protocols refuse an empty text. */
function isEmpty(part: ContentPart): boolean {
  return (part.type === "text" || part.type === "refusal") && part.text === "";
}

/** The content of a message: a text or parts. Throws GatewayError (400) that names what cannot be read. */
export function readContent(content: unknown, { path, losses }: PartPlace): ContentPart[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw invalidRequest(`\`${path}\` must be a text or an array of parts.`, path);
  return listOf(content)
    .flatMap((part, index) => readPart(part, { path: `${path}[${index}]`, losses }))
    .filter((part) => !isEmpty(part));
}

type ResultPart = TextPart | ImagePart | FilePart;

/** What a tool gave: clients also send objects, whose JSON is the text then. */
export function readOutput(output: unknown, place: PartPlace): ResultPart[] {
  if (output === undefined || output === null) return [];
  if (isFields(output) || (Array.isArray(output) && !output.every(isFields)))
    return [{ type: "text", text: JSON.stringify(output) }];
  if (!Array.isArray(output))
    return [{ type: "text", text: typeof output === "string" ? output : JSON.stringify(output) }];
  return readContent(output, place).flatMap((part): ResultPart[] => {
    if (part.type === "refusal") return [{ type: "text", text: part.text }];
    if (part.type !== "audio") return [part];
    place.losses.add(place.path, "sound in the result of a tool is not supported");
    return [];
  });
}

function paragraphs(list: unknown): string {
  return listOf(list)
    .map((part) => stringOf(fieldsOf(part)["text"]) ?? "")
    .filter((text) => text !== "")
    .join("\n\n");
}

/** The thoughts of a reasoning item: its summary, or the thoughts themselves where there is none. */
export function readThoughts(item: Fields): { text: string; isSummary: boolean } {
  const summary = paragraphs(item["summary"]);
  const content = paragraphs(item["content"]);
  return summary === "" && content !== "" ? { text: content, isSummary: false } : { text: summary, isSummary: true };
}
