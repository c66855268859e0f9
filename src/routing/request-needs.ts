import { skipSpace, type Member, type ScannedObject } from "../lib/json-scan.ts";
import type { ProtocolId } from "../protocols/protocol.ts";
import { eitherMember, innerOf, memberIn, valueOf } from "./body-scan.ts";
import type { Needs } from "./route.ts";

const noNeeds: Needs = Object.freeze({ tools: false, vision: false, json: false });

const geminiPicture = /"mime_?[tT]ype"\s*:\s*"image\//;
const ollamaPictures = /"images"\s*:\s*\[\s*"/;

/** How a picture is written. A quote inside of a text has a backslash before it, so only the body's own structure fits. */
const pictures: Partial<Record<ProtocolId, RegExp>> = {
  "openai-chat": /"type"\s*:\s*"image_url"/,
  "openai-responses": /"type"\s*:\s*"input_image"/,
  "anthropic-messages": /"type"\s*:\s*"image"/,
  "gemini-generate": geminiPicture,
  "ollama-chat": ollamaPictures,
  "ollama-generate": ollamaPictures,
};

function hasPicture(text: string, protocol: ProtocolId | undefined): boolean {
  const picture = protocol === undefined ? undefined : pictures[protocol];
  // One search for a word that most requests do not have is cheaper than the pattern.
  return picture !== undefined && text.includes("image") && picture.test(text);
}

function isFilledList(text: string, member: Member | undefined): boolean {
  return member !== undefined && text[member.start] === "[" && text[skipSpace(text, member.start + 1)] !== "]";
}

/** Whether the object says `type: json_object`, `json_schema` or the like. */
function isJsonFormat(text: string, format: Member | undefined): boolean {
  return String(valueOf(text, memberIn(innerOf(text, format), "type"))).startsWith("json");
}

function isGeminiJson(text: string, body: ScannedObject): boolean {
  const settings = innerOf(text, eitherMember(body, "generationConfig", "generation_config"));
  return valueOf(text, eitherMember(settings, "responseMimeType", "response_mime_type")) === "application/json";
}

/** Ollama's `format` is a word or a schema. */
function isOllamaJson(text: string, format: Member | undefined): boolean {
  if (format === undefined) return false;
  return text[format.start] === "{" || text.startsWith('"json"', format.start);
}

function wantsJson(text: string, body: ScannedObject): boolean {
  return (
    isJsonFormat(text, memberIn(body, "response_format")) ||
    isJsonFormat(text, memberIn(innerOf(text, memberIn(body, "text")), "format")) ||
    isJsonFormat(text, memberIn(body, "output_format")) ||
    isJsonFormat(text, memberIn(innerOf(text, memberIn(body, "output_config")), "format")) ||
    isGeminiJson(text, body) ||
    isOllamaJson(text, memberIn(body, "format"))
  );
}

/** What a request uses, by a scan; `body` is the scanned `text`. */
export function needsOf(text: string, body: ScannedObject, protocol: ProtocolId | undefined): Needs {
  if (body.members.length === 0) return noNeeds;
  return {
    tools: isFilledList(text, memberIn(body, "tools")) || isFilledList(text, memberIn(body, "functions")),
    vision: hasPicture(text, protocol),
    json: wantsJson(text, body),
  };
}
