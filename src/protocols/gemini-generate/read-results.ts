import type { FilePart, ImagePart, OpaquePart, TextPart, ToolResultPart } from "../canonical/conversation.ts";
import { fieldsOf, isFields, type Fields } from "../fields.ts";
import type { CallLedger } from "./call-ledger.ts";
import { protoList, protoObject, protoText } from "./proto-fields.ts";
import { mediaOf } from "./read-media.ts";

/** Names that clients give to a result which is only a text. */
const textKeys = ["result", "output", "content"] as const;

/** A response's members but for the function's name, which some clients repeat in it. */
function ownKeys(response: Fields, name: string | undefined): string[] {
  return Object.keys(response).filter((key) => key !== "name" || response[key] !== name);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function readResponse(response: Fields, name: string | undefined): { text: string; isError: boolean } {
  const [key, ...others] = ownKeys(response, name);
  if (key === "error" && others.length === 0) return { text: textOf(response["error"]), isError: true };
  const plain = others.length === 0 ? textKeys.find((candidate) => candidate === key) : undefined;
  const value = plain === undefined ? undefined : response[plain];
  return { text: typeof value === "string" ? value : JSON.stringify(response), isError: false };
}

function attachmentOf(value: unknown): ImagePart | FilePart | OpaquePart {
  const media = mediaOf(fieldsOf(value));
  return media === undefined || media.type === "audio" ? { type: "opaque", protocol: "gemini-generate", value } : media;
}

/** A `functionResponse`, put to its call. */
export function readResult(value: Fields, ledger: CallLedger, path: string): ToolResultPart {
  const name = protoText(value, "name");
  const response = protoObject(value, "response", `${path}.functionResponse.response`);
  const { text, isError } = readResponse(response ?? {}, name);
  const textParts: TextPart[] = isFields(response) && text !== "" ? [{ type: "text", text }] : [];
  return {
    type: "tool_result",
    callId: ledger.answer(protoText(value, "id"), name),
    ...(name === undefined ? {} : { name }),
    parts: [...textParts, ...protoList(value, "parts").map(attachmentOf)],
    isError,
  };
}
