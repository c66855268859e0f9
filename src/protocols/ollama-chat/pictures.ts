import { invalidRequest } from "../../errors.ts";
import type { FilePart, ImagePart } from "../canonical/conversation.ts";
import { sniffMediaType, sourceOfUrl } from "../canonical/media.ts";

function readPicture(value: unknown, param: string): ImagePart | FilePart {
  if (typeof value !== "string" || value === "")
    throw invalidRequest(`\`${param}\` must be a picture's bytes as base64 text.`, param);
  if (/^https?:/i.test(value))
    throw invalidRequest(`\`${param}\` is a URL; send the picture's bytes as base64 text.`, param);
  const inline = value.startsWith("data:") ? sourceOfUrl(value) : undefined;
  const data = inline?.kind === "base64" ? inline.data : value;
  const declared = inline?.kind === "base64" ? inline.mediaType : "image/png";
  const mediaType = sniffMediaType({ mediaType: declared, data });
  return { type: mediaType === "application/pdf" ? "file" : "image", source: { kind: "base64", mediaType, data } };
}

/** A list of base64 texts as parts, each with the type its bytes tell of. Throws GatewayError (400). */
export function readPictures(value: unknown, param: string): readonly (ImagePart | FilePart)[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalidRequest(`\`${param}\` must be a list of base64 texts.`, param);
  return value.map((picture, index) => readPicture(picture, `${param}[${index}]`));
}
