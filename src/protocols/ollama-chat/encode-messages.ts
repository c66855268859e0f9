import { type GatewayError, invalidRequest } from "../../errors.ts";
import { callObject } from "../canonical/call-input.ts";
import type { Conversation, FilePart, ImagePart, Loss, Part, ToolResultPart, Turn } from "../canonical/conversation.ts";
import { isTextType } from "../canonical/media.ts";
import { clientField } from "../canonical/client-field.ts";
import type { Fields } from "../fields.ts";

/** What of a turn goes into one message. */
interface Draft {
  texts: string[];
  images: string[];
  thinking: string;
  calls: Fields[];
}

interface Encoding {
  /** The client's name for the turns. */
  field: string;
  losses: Loss[];
  /** Names of tools by the ids of their calls, as far as the turns were read. */
  toolNames: Map<string, string>;
}

function unsupported(what: string, advice: string, { field }: Encoding): GatewayError {
  return invalidRequest(`Ollama takes no ${what}: ${advice}.`, field);
}

function imageData({ source }: ImagePart, encoding: Encoding): string {
  if (source.kind === "base64") return source.data;
  const what = source.kind === "url" ? "URLs of pictures" : "ids of stored pictures";
  throw unsupported(what, "send the picture as a base64 data: URL", encoding);
}

/** A text file is as good as its text; everything else has no place. Throws GatewayError (400). */
function fileText({ source, name }: FilePart, encoding: Encoding): string {
  if (source.kind !== "base64" || !isTextType(source.mediaType)) {
    const isPdf = source.kind === "base64" && source.mediaType === "application/pdf";
    throw unsupported(isPdf ? "PDFs" : "files", "send the text, or the pages as pictures", encoding);
  }
  const text = Buffer.from(source.data, "base64").toString("utf8");
  return name === undefined ? text : `${name}:\n${text}`;
}

function resultMessage(part: ToolResultPart, encoding: Encoding, at: string): Fields {
  const texts: string[] = [];
  const images: string[] = [];
  for (const piece of part.parts) {
    if (piece.type === "text") texts.push(piece.text);
    else if (piece.type === "image") images.push(imageData(piece, encoding));
    else if (piece.type === "file") texts.push(fileText(piece, encoding));
    else encoding.losses.push({ field: at, reason: `a part that only ${piece.protocol} knows` });
  }
  const name = part.name ?? encoding.toolNames.get(part.callId);
  return {
    role: "tool",
    content: (part.isError ? "Error: " : "") + texts.join("\n"),
    ...(images.length === 0 ? {} : { images }),
    ...(name === undefined ? {} : { tool_name: name }),
    tool_call_id: part.callId,
  };
}

function addPart(
  draft: Draft,
  part: Exclude<Part, ToolResultPart>,
  { encoding, at }: { encoding: Encoding; at: string },
): void {
  switch (part.type) {
    case "text":
    case "refusal":
      draft.texts.push(part.text);
      return;
    case "reasoning":
      draft.thinking += (draft.thinking === "" || part.text === "" ? "" : "\n\n") + part.text;
      return;
    case "tool_call": {
      encoding.toolNames.set(part.id, part.name);
      const called = { index: draft.calls.length, name: part.name, arguments: callObject(part).value };
      draft.calls.push({ id: part.id, function: called });
      return;
    }
    case "image":
      draft.images.push(imageData(part, encoding));
      if (part.detail !== undefined && part.detail !== "auto")
        encoding.losses.push({ field: `${at}.detail`, reason: "not supported by ollama-chat" });
      return;
    case "file":
      draft.texts.push(fileText(part, encoding));
      return;
    case "audio":
      throw unsupported("audio", "send a transcript of it", encoding);
    case "opaque":
      encoding.losses.push({ field: at, reason: `a part that only ${part.protocol} knows` });
  }
}

function messageOf(role: Turn["role"], { texts, images, thinking, calls }: Draft): Fields {
  const written = role === "developer" ? "system" : role;
  return {
    role: written === "tool" ? "user" : written,
    // What a model wrote in pieces was one text; what others wrote were paragraphs.
    content: texts.filter((text) => text !== "").join(role === "assistant" ? "" : "\n\n"),
    ...(thinking === "" ? {} : { thinking }),
    ...(images.length === 0 ? {} : { images }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function encodeTurn({ role, parts }: Turn, turn: number, encoding: Encoding): Fields[] {
  const results: Fields[] = [];
  const draft: Draft = { texts: [], images: [], thinking: "", calls: [] };
  let others = 0;
  for (const [index, part] of parts.entries()) {
    const at = `${encoding.field}[${turn}].content[${index}]`;
    if (part.type === "tool_result") {
      results.push(resultMessage(part, encoding, at));
      continue;
    }
    others += 1;
    addPart(draft, part, { encoding, at });
  }
  // Results answer the turn before: they come first.
  return others === 0 ? results : [...results, messageOf(role, draft)];
}

/** The turns as Ollama's messages. Throws GatewayError (400) for what must not be left out and has no place there. */
export function encodeMessages({ protocol, turns }: Conversation): { messages: Fields[]; losses: Loss[] } {
  const encoding: Encoding = { field: clientField(protocol, "turns"), losses: [], toolNames: new Map() };
  const messages = turns.flatMap((turn, index) => encodeTurn(turn, index, encoding));
  return { messages, losses: encoding.losses };
}
