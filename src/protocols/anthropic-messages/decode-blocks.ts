import { invalidRequest } from "../../errors.ts";
import { sourceOfUrl } from "../canonical/media.ts";
import { originalCallId } from "../canonical/call-ids.ts";
import type {
  FilePart,
  ImagePart,
  Loss,
  OpaquePart,
  Part,
  ReasoningPart,
  Source,
  TextPart,
  ToolResultPart,
} from "../canonical/conversation.ts";
import { readOpaque } from "../canonical/opaque-token.ts";
import { fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { markOf, requiredText } from "../request-fields.ts";

/** Where a block stands, for what is said of it. */
export interface Place {
  path: string;
  losses: Loss[];
}

type ShownPart = TextPart | ImagePart | FilePart | OpaquePart;

function textPart(block: Fields): TextPart {
  const citations = listOf(block["citations"]);
  return {
    type: "text",
    text: stringOf(block["text"]) ?? "",
    cache: markOf(block["cache_control"]),
    citations: citations.length === 0 ? undefined : citations,
  };
}

function opaquePart(value: unknown): OpaquePart {
  return { type: "opaque", protocol: "anthropic-messages", value };
}

function sourceOf(source: Fields): Source | undefined {
  const url = filledOf(source["url"]);
  const id = filledOf(source["file_id"]);
  const data = stringOf(source["data"]);
  if (source["type"] === "url" && url !== undefined) return sourceOfUrl(url);
  if (source["type"] === "file" && id !== undefined) return { kind: "file-id", id };
  if (source["type"] !== "base64" || data === undefined) return undefined;
  return { kind: "base64", mediaType: stringOf(source["media_type"]) ?? "", data };
}

function imagePart(block: Fields, { path }: Place): ImagePart {
  const source = sourceOf(fieldsOf(block["source"]));
  if (source === undefined)
    throw invalidRequest(`\`${path}.source\` must be an image of type base64, url or file.`, `${path}.source`);
  return { type: "image", source, cache: markOf(block["cache_control"]) };
}

/** A document's words under a heading, since no other protocol has a place for its title. */
function headed(heading: readonly (string | undefined)[], text: string): string {
  const title = heading.filter((line) => line !== undefined).join(" · ");
  return title === "" ? text : `[${title}]\n${text}`;
}

function documentParts(block: Fields, place: Place): ShownPart[] {
  const source = fieldsOf(block["source"]);
  const title = filledOf(block["title"]);
  const context = filledOf(block["context"]);
  const cache = markOf(block["cache_control"]);
  if (fieldsOf(block["citations"])["enabled"] === true)
    place.losses.push({ field: `${place.path}.citations`, reason: "citations are not carried to another protocol" });
  if (source["type"] === "text")
    return [{ type: "text", text: headed([title, context], stringOf(source["data"]) ?? ""), cache }];
  if (source["type"] === "content") {
    const parts = partsOf(source["content"], { ...place, path: `${place.path}.source.content` });
    const heading = headed([title, context], "");
    return heading === "" ? parts : [{ type: "text", text: heading }, ...parts];
  }
  const found = sourceOf(source);
  if (found === undefined)
    throw invalidRequest(
      `\`${place.path}.source\` must be a document of type base64, text, content, url or file.`,
      `${place.path}.source`,
    );
  const file: FilePart = { type: "file", source: found, name: title, cache };
  return context === undefined ? [file] : [{ type: "text", text: `[${context}]` }, file];
}

function searchResultPart(block: Fields): TextPart {
  const text = listOf(block["content"])
    .map((part) => stringOf(fieldsOf(part)["text"]) ?? "")
    .join("\n");
  return {
    type: "text",
    text: headed([filledOf(block["title"]), filledOf(block["source"])], text),
    cache: markOf(block["cache_control"]),
  };
}

/** Blocks that a user's message and a tool's result may both hold. */
function shownParts(block: Fields, place: Place): ShownPart[] {
  switch (block["type"]) {
    case "text":
      return [textPart(block)];
    case "image":
      return [imagePart(block, place)];
    case "document":
      return documentParts(block, place);
    case "search_result":
      return [searchResultPart(block)];
    // What a client's own search for tools found: they stand among the tools already.
    case "tool_reference":
      return [{ type: "text", text: `The tool ${stringOf(block["tool_name"]) ?? ""} is available.` }];
    default:
      return [opaquePart(block)];
  }
}

/** A text, or a list of blocks. Throws GatewayError (400) when it is neither. */
function blocksOf(content: unknown, path: string): readonly Fields[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw invalidRequest(`\`${path}\` must be a text or an array of blocks.`, path);
  for (const [index, block] of content.entries())
    if (!isFields(block)) throw invalidRequest(`\`${path}[${index}]\` must be an object.`, `${path}[${index}]`);
  return content as Fields[];
}

function placeAt({ path, losses }: Place, index: number): Place {
  return { path: `${path}[${index}]`, losses };
}

function partsOf(content: unknown, place: Place): ShownPart[] {
  return blocksOf(content, place.path).flatMap((block, index) => shownParts(block, placeAt(place, index)));
}

function toolResultPart(block: Fields, place: Place): ToolResultPart {
  const content = block["content"] ?? [];
  return {
    type: "tool_result",
    callId: originalCallId(requiredText(block, "tool_use_id", place.path)),
    parts: content === "" ? [] : partsOf(content, { ...place, path: `${place.path}.content` }),
    isError: block["is_error"] === true,
    cache: markOf(block["cache_control"]),
  };
}

/** A user's message: the tools' results, which other protocols keep apart, and what else is in it. */
export function userParts(content: unknown, place: Place): { results: ToolResultPart[]; parts: Part[] } {
  const results: ToolResultPart[] = [];
  const parts: Part[] = [];
  for (const [index, block] of blocksOf(content, place.path).entries()) {
    if (block["type"] === "tool_result") results.push(toolResultPart(block, placeAt(place, index)));
    else for (const part of shownParts(block, placeAt(place, index))) parts.push(part);
  }
  return { results, parts };
}

function reasoningPart(text: string, opaque: ReasoningPart["opaque"]): ReasoningPart[] {
  return text === "" && opaque.length === 0 ? [] : [{ type: "reasoning", text, opaque }];
}

function assistantPart(block: Fields, place: Place): Part[] {
  switch (block["type"]) {
    case "thinking": {
      const signature = filledOf(block["signature"]);
      const opaque = signature === undefined ? [] : readOpaque(signature, "anthropic-signature");
      return reasoningPart(stringOf(block["thinking"]) ?? "", opaque);
    }
    case "redacted_thinking": {
      const data = filledOf(block["data"]);
      return data === undefined ? [] : reasoningPart("", readOpaque(data, "anthropic-redacted"));
    }
    case "tool_use": {
      const { input } = block;
      return [
        {
          type: "tool_call",
          id: originalCallId(requiredText(block, "id", place.path)),
          name: requiredText(block, "name", place.path),
          kind: "function",
          input: input === undefined || input === null ? "" : JSON.stringify(input),
          cache: markOf(block["cache_control"]),
        },
      ];
    }
    default:
      return shownParts(block, place);
  }
}

export function assistantParts(content: unknown, place: Place): Part[] {
  return blocksOf(content, place.path).flatMap((block, index) => assistantPart(block, placeAt(place, index)));
}

/** Claude Code's first system block: it changes with every request and would break every other upstream's cache. */
const billingMark = "x-anthropic-billing-header";

function systemPart(block: Fields, { path, losses }: Place): TextPart[] {
  const tool = stringOf(fieldsOf(block["tool"])["name"]) ?? "";
  switch (block["type"]) {
    case "text":
      return filledOf(block["text"])?.startsWith(billingMark) === true ? [] : [textPart(block)];
    case "tool_addition":
      return [{ type: "text", text: `The tool ${tool} is available from now on.` }];
    case "tool_removal":
      return [{ type: "text", text: `The tool ${tool} is no longer available.` }];
    default:
      losses.push({ field: path, reason: "system messages hold text only" });
      return [];
  }
}

export function systemParts(content: unknown, place: Place): TextPart[] {
  return blocksOf(content, place.path).flatMap((block, index) => systemPart(block, placeAt(place, index)));
}
