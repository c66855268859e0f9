import { invalidRequest } from "../../errors.ts";
import type {
  CacheMark,
  Conversation,
  FilePart,
  ImagePart,
  Part,
  TextPart,
  ToolResultPart,
} from "../canonical/conversation.ts";
import { urlOfSource } from "../canonical/media.ts";
import { clientField } from "../canonical/client-field.ts";
import type { Losses } from "../canonical/losses.ts";
import { cacheBreakpoint } from "../canonical/openai-words.ts";
import { isFields, type Fields } from "../fields.ts";

export interface PartContext {
  conversation: Conversation;
  /** Marks for prompt caches are taken. */
  takesCacheMarks: boolean;
  losses: Losses;
}

function breakpoint(cache: CacheMark | undefined, { takesCacheMarks }: PartContext): Fields {
  return cache === undefined || !takesCacheMarks ? {} : cacheBreakpoint(cache);
}

/** Files that a provider keeps are its own: the ids of others mean nothing to OpenAI. */
function fileIdOf(id: string, { conversation }: PartContext): string {
  if (conversation.protocol.startsWith("openai-")) return id;
  const field = clientField(conversation.protocol, "turns");
  throw invalidRequest(
    "A file that another provider keeps cannot be read here; send its data or a URL instead.",
    field,
  );
}

function encodeImage({ source, detail, cache }: ImagePart, context: PartContext): Fields {
  const where =
    source.kind === "file-id" ? { file_id: fileIdOf(source.id, context) } : { image_url: urlOfSource(source) };
  return { type: "input_image", detail: detail ?? "auto", ...where, ...breakpoint(cache, context) };
}

function nameOf(mediaType: string): string {
  const subtype = mediaType.slice(mediaType.indexOf("/") + 1);
  return `file.${/^[a-z0-9]{1,8}$/.test(subtype) ? subtype : "txt"}`;
}

function encodeFile({ source, name, cache }: FilePart, context: PartContext): Fields {
  const rest = breakpoint(cache, context);
  if (source.kind === "url") return { type: "input_file", file_url: source.url, ...rest };
  if (source.kind === "file-id") return { type: "input_file", file_id: fileIdOf(source.id, context), ...rest };
  return { type: "input_file", filename: name ?? nameOf(source.mediaType), file_data: urlOfSource(source), ...rest };
}

function encodeText({ text, cache }: TextPart, context: PartContext): Fields {
  return { type: "input_text", text, ...breakpoint(cache, context) };
}

/** Parts of a message that is not the model's. Throws GatewayError (400) for sound, which Responses do not take. */
export function encodeInputParts(parts: readonly Part[], context: PartContext): Fields[] {
  const { conversation, losses } = context;
  const field = clientField(conversation.protocol, "turns");
  return parts.flatMap((part): Fields[] => {
    switch (part.type) {
      case "text":
        return part.text === "" ? [] : [encodeText(part, context)];
      case "refusal":
        return part.text === "" ? [] : [{ type: "input_text", text: part.text }];
      case "image":
        return [encodeImage(part, context)];
      case "file":
        return [encodeFile(part, context)];
      case "audio":
        throw invalidRequest(
          "This model's provider takes no sound (OpenAI Responses have none); send a transcript, or ask a model that is served by chat completions.",
          field,
        );
      case "opaque":
        if (part.protocol === "openai-responses" && isFields(part.value)) return [part.value];
        losses.add(field, `a part that only ${part.protocol} knows is not supported by openai-responses`);
        return [];
      case "reasoning":
      case "tool_call":
      case "tool_result":
        losses.add(field, `${part.type} outside its turn is not supported by openai-responses`);
    }
    return [];
  });
}

/** A result's `output`: a text where it is one, else parts. The protocol has no sign of an error but its words. */
export function encodeOutput({ parts, isError }: ToolResultPart, context: PartContext): string | Fields[] {
  const [first, ...others] = parts;
  const isPlain = first?.type === "text" && first.cache === undefined && others.length === 0;
  if (first === undefined || isPlain) {
    const text = first?.text ?? "";
    return isError && !text.startsWith("Error") ? `Error: ${text}` : text;
  }
  const encoded = encodeInputParts(parts, context);
  if (!isError) return encoded;
  return [{ type: "input_text", text: "Error:" }, ...encoded];
}
