import type { Source } from "./conversation.ts";

const dataUrl = /^data:([^;,]*)((?:;[^;,]*)*),/i;

/** A URL as clients write it: inline data becomes base64 with its type. */
export function sourceOfUrl(url: string): Source {
  const match = dataUrl.exec(url);
  if (match === null) return { kind: "url", url };
  const mediaType = match[1] === undefined || match[1] === "" ? "text/plain" : match[1].toLowerCase();
  const payload = url.slice(match[0].length);
  const isBase64 = /;base64$/i.test(match[2] ?? "");
  return { kind: "base64", mediaType, data: isBase64 ? payload : encodePlain(payload) };
}

function encodePlain(payload: string): string {
  try {
    return Buffer.from(decodeURIComponent(payload)).toString("base64");
  } catch {
    return Buffer.from(payload).toString("base64");
  }
}

/** The way back: a URL for every source that has one. */
export function urlOfSource(source: Source): string | undefined {
  if (source.kind === "url") return source.url;
  return source.kind === "base64" ? `data:${source.mediaType};base64,${source.data}` : undefined;
}

/** Files that are as good as their text. */
export function isTextType(mediaType: string): boolean {
  return mediaType.startsWith("text/") || mediaType === "application/json";
}

/** First characters of base64 text → what the bytes are, whatever the client called them. */
const magic: readonly (readonly [string, string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
  ["JVBERi", "application/pdf"],
];

/** The type of inline data by its first bytes, else as declared. WAV and WebP share their first bytes. */
export function sniffMediaType({ mediaType, data }: { mediaType: string; data: string }): string {
  if (mediaType.startsWith("audio/")) return mediaType;
  return magic.find(([start]) => data.startsWith(start))?.[1] ?? mediaType;
}
