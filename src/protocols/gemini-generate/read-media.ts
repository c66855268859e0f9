import type { AudioPart, FilePart, ImagePart, Source } from "../canonical/conversation.ts";
import { isFields, type Fields } from "../fields.ts";
import { protoField, protoText } from "./proto-fields.ts";

/** Files that only Google's own servers can open. */
const ownFile = /^(?:gs:\/\/|files\/|https:\/\/generativelanguage\.googleapis\.com\/)/i;

export function isOwnFile(uri: string): boolean {
  return ownFile.test(uri);
}

/** Bytes may be written in either alphabet of base64; the others' protocols know one. */
function standardBase64(data: string): string {
  return data.includes("-") || data.includes("_") ? data.replaceAll("-", "+").replaceAll("_", "/") : data;
}

interface Found {
  mediaType: string;
  source: Source;
  name: string | undefined;
}

function inlineOf(value: Fields): Found | undefined {
  const mediaType = protoText(value, "mimeType")?.toLowerCase() ?? "application/octet-stream";
  const data = protoText(value, "data");
  if (data === undefined) return undefined;
  const source: Source = { kind: "base64", mediaType, data: standardBase64(data) };
  return { mediaType, source, name: protoText(value, "displayName") };
}

function fileOf(value: Fields): Found | undefined {
  const uri = protoText(value, "fileUri");
  if (uri === undefined) return undefined;
  const source: Source = isOwnFile(uri) ? { kind: "file-id", id: uri } : { kind: "url", url: uri };
  return {
    mediaType: protoText(value, "mimeType")?.toLowerCase() ?? "",
    source,
    name: protoText(value, "displayName"),
  };
}

/** What a part with `inlineData` or `fileData` shows; `undefined` when it has neither. */
export function mediaOf(part: Fields): ImagePart | AudioPart | FilePart | undefined {
  const inline = protoField(part, "inlineData");
  const file = protoField(part, "fileData");
  const found = isFields(inline) ? inlineOf(inline) : isFields(file) ? fileOf(file) : undefined;
  if (found === undefined) return undefined;
  const { mediaType, source, name } = found;
  if (mediaType.startsWith("image/")) return { type: "image", source };
  if (mediaType.startsWith("audio/")) return { type: "audio", source };
  return { type: "file", source, ...(name === undefined ? {} : { name }) };
}
