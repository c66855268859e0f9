import { invalidRequest } from "../../errors.ts";
import type { AudioPart, FilePart, ImagePart } from "../canonical/conversation.ts";
import { sniffMediaType } from "../canonical/media.ts";
import type { Fields } from "../fields.ts";
import type { Encoding } from "./encoding.ts";
import { isOwnFile } from "./read-media.ts";

const typeOfEnding: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  heic: "image/heic",
  gif: "image/gif",
  pdf: "application/pdf",
  txt: "text/plain",
  mp3: "audio/mp3",
  wav: "audio/wav",
  mp4: "video/mp4",
};

const youtube = /^https:\/\/(?:www\.)?(?:youtube\.com\/watch|youtu\.be\/)/i;

function fileData(uri: string): Fields {
  const ending = /\.([a-z0-9]+)$/i.exec(uri)?.[1]?.toLowerCase() ?? "";
  const mimeType = Object.hasOwn(typeOfEnding, ending) ? typeOfEnding[ending] : undefined;
  const fileUri = uri.startsWith("files/") ? `https://generativelanguage.googleapis.com/v1beta/${uri}` : uri;
  return { fileData: { ...(mimeType === undefined ? {} : { mimeType }), fileUri } };
}

const words = { image: "An image", audio: "A sound", file: "A file" } as const;

/**
 * A picture, a sound or a document as a part. Throws GatewayError (400) for what the upstream cannot get at: links
 * into the web, as nobody downloads them, and files of other providers. `list` is where the client put it.
 */
export function mediaPart(
  { type, source }: ImagePart | AudioPart | FilePart,
  { list }: Pick<Encoding, "list">,
): Fields {
  if (source.kind === "base64") return { inlineData: { mimeType: sniffMediaType(source), data: source.data } };
  const uri = source.kind === "url" ? source.url : source.id;
  if (isOwnFile(uri) || youtube.test(uri)) return fileData(uri);
  const what =
    source.kind === "url"
      ? "is a link, which this model's provider does not open; send a data: URL (data:<type>;base64,…)"
      : "is a file of another provider; send its content in base64";
  throw invalidRequest(`${words[type]} in \`${list}\` (${uri.slice(0, 100)}) ${what}.`, list);
}
