import { invalidRequest } from "../../errors.ts";
import { callObject } from "../canonical/call-input.ts";
import { clientField } from "../canonical/client-field.ts";
import { sniffMediaType } from "../canonical/media.ts";
import type {
  FilePart,
  ImagePart,
  OpaquePart,
  Part,
  ReasoningPart,
  Source,
  ToolCallPart,
  ToolResultPart,
} from "../canonical/conversation.ts";
import { ownOpaque } from "../canonical/opaque-token.ts";
import { isFields, wellFormed } from "../fields.ts";
import { cacheControl, isBlank, lose, textBlock, type Block, type Encoding } from "./encoding.ts";

/** Throws GatewayError (400): something that must not be left out in silence. */
function refuse({ conversation }: Encoding, message: string): never {
  throw invalidRequest(message, clientField(conversation.protocol, "turns"));
}

const imageTypes = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);

function mediaTypeOf(source: Extract<Source, { kind: "base64" }>): string {
  const type = sniffMediaType(source).toLowerCase();
  return type === "image/jpg" ? "image/jpeg" : type;
}

/** Base64 as the API wants it: in one line, of the common alphabet, filled up. */
function plainBase64(data: string, encoding: Encoding): string {
  if (isBlank(data)) refuse(encoding, "A picture or document of the request is empty.");
  const line = /[\s_-]/.test(data) ? data.replaceAll(/\s+/g, "").replaceAll("-", "+").replaceAll("_", "/") : data;
  return line.padEnd(Math.ceil(line.length / 4) * 4, "=");
}

/** A source that is not inline. */
function remoteSource(source: Exclude<Source, { kind: "base64" }>, encoding: Encoding): Block {
  if (source.kind === "url") {
    if (/^https?:\/\//i.test(source.url)) return { type: "url", url: source.url };
    return refuse(encoding, "A picture or document must be an http(s) URL or inline base64 data for this model.");
  }
  const { protocol } = encoding.conversation;
  if (protocol === "anthropic-messages") return { type: "file", file_id: source.id };
  return refuse(encoding, `The file ${source.id} is kept by another provider: send its content inline as base64.`);
}

function imageBlock({ source, cache }: ImagePart, encoding: Encoding): Block {
  if (source.kind !== "base64")
    return { type: "image", source: remoteSource(source, encoding), ...cacheControl(cache) };
  const mediaType = mediaTypeOf(source);
  if (!imageTypes.has(mediaType))
    refuse(
      encoding,
      `A picture of type ${mediaType || "unknown"} is not taken by this model: send JPEG, PNG, GIF or WebP.`,
    );
  const data = plainBase64(source.data, encoding);
  return { type: "image", source: { type: "base64", media_type: mediaType, data }, ...cacheControl(cache) };
}

/** Types beside text/* whose bytes are plain text. */
const textTypes = new Set(["application/json", "application/xml", "application/yaml", "application/javascript"]);

function inlineDocument(source: Extract<Source, { kind: "base64" }>, encoding: Encoding): Block {
  const mediaType = mediaTypeOf(source);
  if (mediaType === "application/pdf")
    return { type: "base64", media_type: mediaType, data: plainBase64(source.data, encoding) };
  const plain = mediaType.split(";")[0]?.trim() ?? "";
  if (!plain.startsWith("text/") && !textTypes.has(plain))
    return refuse(encoding, `A file of type ${mediaType || "unknown"} is not taken by this model: send a PDF or text.`);
  const data = wellFormed(Buffer.from(source.data, "base64").toString("utf8"));
  if (isBlank(data)) return refuse(encoding, "A picture or document of the request is empty.");
  return { type: "text", media_type: "text/plain", data };
}

const longestTitle = 500;

function fileBlock(part: FilePart, encoding: Encoding): Block {
  const { source, name, cache } = part;
  const isImage = source.kind === "base64" && mediaTypeOf(source).startsWith("image/");
  if (isImage) return imageBlock({ type: "image", source, cache }, encoding);
  const shown = source.kind === "base64" ? inlineDocument(source, encoding) : remoteSource(source, encoding);
  const title = name === undefined || isBlank(name) ? {} : { title: wellFormed(name.slice(0, longestTitle)) };
  return { type: "document", source: shown, ...title, ...cacheControl(cache) };
}

/** Blocks of Anthropic's own that another gateway lane has carried along. */
function opaqueBlock({ protocol, value }: OpaquePart, encoding: Encoding): Block[] {
  if (protocol === "anthropic-messages" && isFields(value)) return [{ ...value }];
  lose(encoding, "turns", `a part that only ${protocol} knows`);
  return [];
}

function text(content: string, cache: ToolResultPart["cache"]): Block[] {
  return isBlank(content) ? [] : [textBlock(content, cache)];
}

/** What a user's message or a tool's result shows. */
export function shownBlocks(part: Part, encoding: Encoding): Block[] {
  switch (part.type) {
    case "text":
      return text(part.text, part.cache);
    case "refusal":
      return text(part.text, undefined);
    case "image":
      return [imageBlock(part, encoding)];
    case "file":
      return [fileBlock(part, encoding)];
    case "audio":
      return refuse(encoding, "Sound is not taken by this model: send its transcript, or choose a model that listens.");
    case "opaque":
      return opaqueBlock(part, encoding);
    case "reasoning":
    case "tool_call":
    case "tool_result":
      break;
  }
  lose(encoding, "turns", `a ${part.type} that stands in the wrong turn`);
  return [];
}

/** Only what this very upstream has signed; others' thoughts are theirs. */
function reasoningBlocks({ text: thinking, opaque }: ReasoningPart, { target }: Encoding): Block[] {
  const signatures = ownOpaque(opaque, "anthropic-signature", target.origin);
  const redacted = ownOpaque(opaque, "anthropic-redacted", target.origin);
  // Of a text that several signatures share nobody knows which belongs where; a signature alone is enough.
  const shown = signatures.length === 1 ? wellFormed(thinking) : "";
  return [
    ...signatures.map(({ data }) => ({ type: "thinking", thinking: shown, signature: data })),
    ...redacted.map(({ data }) => ({ type: "redacted_thinking", data })),
  ];
}

export function toolUseBlock(call: ToolCallPart, id: string, { names }: Encoding): Block {
  return {
    type: "tool_use",
    id,
    name: names.upstream(call.name),
    input: callObject(call).value,
    ...cacheControl(call.cache),
  };
}

/** What an assistant's message says beside its tool calls. */
export function assistantBlocks(part: Part, encoding: Encoding): Block[] {
  if (part.type === "reasoning") return reasoningBlocks(part, encoding);
  if (part.type !== "image" && part.type !== "audio" && part.type !== "file") return shownBlocks(part, encoding);
  lose(encoding, "turns", `an assistant's ${part.type} cannot be shown to the model again`);
  return [];
}

/** Marks inside of a result count as much as others; one on the result itself says the same. */
function withoutMarks(blocks: readonly Block[]): { content: Block[]; mark: Block } {
  let mark: Block = {};
  const content = blocks.map(({ cache_control: inner, ...block }) => {
    if (inner !== undefined) mark = { cache_control: inner };
    return block;
  });
  return { content, mark };
}

/** An error may hold text only, and must hold some. */
export function toolResultBlock(result: ToolResultPart, id: string, encoding: Encoding): Block {
  const shown = result.parts.flatMap((part) => shownBlocks(part, encoding));
  const { content, mark } = withoutMarks(shown);
  const isText = content.every(({ type }) => type === "text");
  const head = { type: "tool_result", tool_use_id: id };
  const tail = { ...mark, ...cacheControl(result.cache) };
  if (!result.isError) return { ...head, ...(content.length === 0 ? {} : { content }), ...tail };
  if (!isText) return { ...head, content: [textBlock("Error:"), ...content], ...tail };
  return { ...head, content: content.length === 0 ? [textBlock("Error")] : content, is_error: true, ...tail };
}
