import type { ReadableHeaders } from "../headers.ts";
import { MalformedResponse } from "./malformed.ts";

export interface ResponseHead {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly fields: readonly string[];
  /** `undefined` = not said, or overruled by the chunked coding. */
  readonly contentLength: number | undefined;
  readonly isChunked: boolean;
  /** Whether the other side lets the connection stand after this answer. */
  readonly staysOpen: boolean;
  readonly contentEncoding: string | undefined;
}

const mostFields = 200;
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\r\n\0]*)?(?:\r\n|$)/;
/** No folded line, no space before the colon, no bare CR or LF and no NUL comes through here. */
const fieldLine = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([^\r\n\0]*)(?:\r\n|$)/y;

function readFields(text: string, start: number): string[] {
  const fields: string[] = [];
  for (let at = start; at < text.length; at = fieldLine.lastIndex) {
    fieldLine.lastIndex = at;
    const [, name, value] = fieldLine.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new MalformedResponse("an invalid header");
    fields.push(name, value);
    if (fields.length > mostFields * 2) throw new MalformedResponse(`more than ${mostFields} headers`);
  }
  return fields;
}

function lengthOf(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new MalformedResponse("an invalid content-length");
  return Number(value);
}

/** A list of equal lengths is what proxies make of a repeated header. */
function onlyLength(values: readonly string[]): number | undefined {
  const [only = ""] = values;
  if (values.length === 1 && !only.includes(",")) return lengthOf(only.trim());
  const lengths = new Set(values.flatMap((value) => value.split(",")).map((part) => lengthOf(part.trim())));
  if (lengths.size > 1) throw new MalformedResponse("two different content-lengths");
  const [length] = lengths;
  return length;
}

function staysOpenAfter(minor: string, options: string): boolean {
  if (/(?:^|,)\s*close\s*(?:,|$)/i.test(options)) return false;
  return minor === "1" || /(?:^|,)\s*keep-alive\s*(?:,|$)/i.test(options);
}

interface FramingFields {
  lengths: string[];
  codings: string[];
  connection: string;
  contentEncoding: string | undefined;
}

/** The few headers that decide where the body ends; most others are told apart by their length alone. */
function framingFieldsOf(fields: readonly string[]): FramingFields {
  const found: FramingFields = { lengths: [], codings: [], connection: "", contentEncoding: undefined };
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const { length } = name;
    if (length !== 14 && length !== 10 && length !== 16 && length !== 17) continue;
    const value = fields[index + 1] ?? "";
    const lower = name.toLowerCase();
    if (lower === "content-length") found.lengths.push(value);
    else if (lower === "transfer-encoding") found.codings.push(value);
    else if (lower === "connection") found.connection += `,${value}`;
    else if (lower === "content-encoding") {
      found.contentEncoding = found.contentEncoding === undefined ? value : `${found.contentEncoding},${value}`;
    }
  }
  return found;
}

/** Reads a head without the empty line at its end. Throws MalformedResponse. */
export function parseResponseHead(text: string): ResponseHead {
  const [line, minor, status] = statusLine.exec(text) ?? [];
  if (line === undefined || minor === undefined) throw new MalformedResponse("an answer that is not HTTP/1.1");
  const fields = readFields(text, line.length);
  const { lengths, codings, connection, contentEncoding } = framingFieldsOf(fields);
  const isChunked = codings.length > 0;
  if (codings.length > 1 || (isChunked && codings[0]?.trim().toLowerCase() !== "chunked")) {
    throw new MalformedResponse("a transfer-encoding other than chunked");
  }
  const contentLength = lengths.length === 0 ? undefined : onlyLength(lengths);
  // Both lengths at once is how answers are smuggled: nothing behind this one can be trusted.
  const isAmbiguous = isChunked && contentLength !== undefined;
  return {
    status: Number(status),
    fields,
    contentLength: isChunked ? undefined : contentLength,
    isChunked,
    staysOpen: !isAmbiguous && staysOpenAfter(minor, connection),
    contentEncoding: contentEncoding?.trim().toLowerCase(),
  };
}

/** Headers as they came, looked through where they lie: of a dozen, one or two are asked for. */
export class FieldHeaders implements ReadableHeaders {
  private readonly fields: readonly string[];

  constructor(fields: readonly string[]) {
    this.fields = fields;
  }

  get(name: string): string | null {
    let joined: string | null = null;
    for (let index = this.next(0, name); index !== -1; index = this.next(index + 2, name)) {
      const value = (this.fields[index + 1] ?? "").trimEnd();
      joined = joined === null ? value : `${joined}, ${value}`;
    }
    return joined;
  }

  forEach(callback: (value: string, name: string) => void): void {
    for (let index = 0; index < this.fields.length; index += 2) {
      const name = (this.fields[index] ?? "").toLowerCase();
      if (this.next(0, name) === index) callback(this.get(name) ?? "", name);
    }
  }

  /** Where the name stands, from a field on; -1 when it does not. */
  private next(from: number, name: string): number {
    for (let index = from; index < this.fields.length; index += 2) {
      const field = this.fields[index] ?? "";
      if (field.length === name.length && field.toLowerCase() === name) return index;
    }
    return -1;
  }
}
