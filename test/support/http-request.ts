/** One HTTP/1.1 request as it stood on the wire. */
export interface WireRequest {
  readonly method: string;
  readonly target: string;
  /** Names in lower case, in the order received; a name that came twice is here twice. */
  readonly headerLines: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

const headEnd = Buffer.from("\r\n\r\n");

function parseHead(text: string): Omit<WireRequest, "body"> {
  const [requestLine = "", ...lines] = text.split("\r\n");
  const [method = "", target = ""] = requestLine.split(" ");
  const headerLines = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { method, target, headerLines };
}

/** Decodes a complete chunked body at the start of `bytes`; `undefined` when more must come. */
function readChunked(bytes: Buffer): { body: Buffer; length: number } | undefined {
  const pieces: Buffer[] = [];
  let offset = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", offset);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", offset, lineEnd), 16);
    const start = lineEnd + 2;
    if (bytes.length < start + size + 2) return undefined;
    if (size === 0) return { body: Buffer.concat(pieces), length: start + 2 };
    pieces.push(bytes.subarray(start, start + size));
    offset = start + size + 2;
  }
}

/**
 * Takes the first complete request off a connection's bytes; `undefined` when more must come.
 * Only what the fake upstream needs: no trailers, no `Expect`, no limits.
 */
export function takeRequest(bytes: Buffer): { request: WireRequest; rest: Buffer } | undefined {
  const end = bytes.indexOf(headEnd);
  if (end === -1) return undefined;
  const head = parseHead(bytes.toString("latin1", 0, end));
  const after = bytes.subarray(end + headEnd.length);
  const header = (name: string) => head.headerLines.find(([candidate]) => candidate === name)?.[1];
  if (header("transfer-encoding") !== undefined) {
    const chunked = readChunked(after);
    return chunked && { request: { ...head, body: chunked.body }, rest: after.subarray(chunked.length) };
  }
  const length = Number(header("content-length") ?? 0);
  if (after.length < length) return undefined;
  return { request: { ...head, body: Buffer.from(after.subarray(0, length)) }, rest: after.subarray(length) };
}
