import { MalformedResponse } from "./malformed.ts";

export interface ResponseHead {
  readonly status: number;
  /** Names and values in turn; names in lower case. */
  readonly fields: readonly string[];
  /** `undefined` = not said, or overruled by the chunked coding. */
  readonly contentLength: number | undefined;
  readonly isChunked: boolean;
  /** Whether the other side lets the connection stand after this answer. */
  readonly staysOpen: boolean;
  readonly contentEncoding: string | undefined;
}

const mostFields = 200;
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\r\n]*)?$/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const mostKnownNames = 500;
/** Upstreams use the same few names in every answer; looking one up is cheaper than checking it. */
const knownNames = new Map<string, string>();

function nameOf(raw: string): string {
  const known = knownNames.get(raw);
  if (known !== undefined) return known;
  if (!token.test(raw)) throw new MalformedResponse("a header with an invalid name");
  const name = raw.toLowerCase();
  if (knownNames.size < mostKnownNames) knownNames.set(raw, name);
  return name;
}

/** Where the line that begins at `start` ends. Only CR LF ends a line; either alone is refused. */
function lineEnd(text: string, start: number): number {
  const end = text.indexOf("\r", start);
  const newline = text.indexOf("\n", start);
  if (end === -1 && newline === -1) return text.length;
  if (newline !== end + 1 || end === -1) throw new MalformedResponse("a head with a bare line break");
  return end;
}

function readFields(text: string, start: number): string[] {
  const fields: string[] = [];
  for (let at = start; at < text.length; ) {
    const end = lineEnd(text, at);
    const colon = text.indexOf(":", at);
    // A folded line begins with a space and fails here as well: no name has one.
    if (colon === -1 || colon > end) throw new MalformedResponse("a header without a colon");
    fields.push(nameOf(text.slice(at, colon)), text.slice(colon + 1, end).trim());
    if (fields.length > mostFields * 2) throw new MalformedResponse(`more than ${mostFields} headers`);
    at = end + 2;
  }
  return fields;
}

function lengthOf(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new MalformedResponse("an invalid content-length");
  return Number(value);
}

/** The framing of the body, gathered from the few headers that decide it. */
function createFramingWords(minor: string) {
  let contentLength: number | undefined;
  let isChunked = false;
  let staysOpen = minor === "1";
  let contentEncoding: string | undefined;

  return {
    see(name: string, value: string): void {
      if (name === "content-length") {
        // A list of equal lengths is what proxies make of a repeated header.
        for (const part of value.split(",")) {
          const length = lengthOf(part.trim());
          if (contentLength !== undefined && contentLength !== length) {
            throw new MalformedResponse("two different content-lengths");
          }
          contentLength = length;
        }
      } else if (name === "transfer-encoding") {
        if (isChunked || value.toLowerCase() !== "chunked") {
          throw new MalformedResponse("a transfer-encoding other than chunked");
        }
        isChunked = true;
      } else if (name === "connection") {
        const options = value.toLowerCase();
        if (/(?:^|,)\s*close\s*(?:,|$)/.test(options)) staysOpen = false;
        else if (minor === "0" && /(?:^|,)\s*keep-alive\s*(?:,|$)/.test(options)) staysOpen = true;
      } else if (name === "content-encoding") {
        contentEncoding = contentEncoding === undefined ? value : `${contentEncoding}, ${value}`;
      }
    },
    result: () => ({
      contentLength: isChunked ? undefined : contentLength,
      isChunked,
      // Both lengths at once is how answers are smuggled: nothing behind this one can be trusted.
      staysOpen: staysOpen && !(isChunked && contentLength !== undefined),
      contentEncoding: contentEncoding?.toLowerCase(),
    }),
  };
}

/** Reads a head without the empty line at its end. Throws MalformedResponse. */
export function parseResponseHead(text: string): ResponseHead {
  const firstEnd = lineEnd(text, 0);
  const [, minor, status] = statusLine.exec(text.slice(0, firstEnd)) ?? [];
  if (minor === undefined) throw new MalformedResponse("an answer that is not HTTP/1.1");
  if (text.includes("\0")) throw new MalformedResponse("a head with a NUL");
  const fields = readFields(text, firstEnd + 2);
  const words = createFramingWords(minor);
  for (let index = 0; index < fields.length; index += 2) words.see(fields[index] ?? "", fields[index + 1] ?? "");
  return { status: Number(status), fields, ...words.result() };
}

/** Values are kept as they came, one character a byte; what `Headers` does not take is left out. */
export function headersOf({ fields }: ResponseHead): Headers {
  const headers = new Headers();
  for (let index = 0; index < fields.length; index += 2) {
    try {
      headers.append(fields[index] ?? "", fields[index + 1] ?? "");
    } catch {
      // It was a legal field of HTTP: no reason to lose the answer over it.
    }
  }
  return headers;
}
