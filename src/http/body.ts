import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { GatewayError, invalidRequest } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";

export interface BodyLimits {
  maxBytes: number;
  timeoutMs: number;
  /** What sets `maxBytes`, as a clause behind "the limit is"; unless told, the setting. */
  limit?: string;
}

const usualLimit = "server.maxBodyBytes";

function tooLarge({ maxBytes, limit = usualLimit }: BodyLimits): GatewayError {
  return new GatewayError({
    code: "request_too_large",
    status: 413,
    message: `The request body is larger than ${maxBytes} bytes; the limit is ${limit}.`,
  });
}

type Decompress = (bytes: Uint8Array, limits: { maxOutputLength: number }) => Promise<Uint8Array>;

const decompressors: Readonly<Record<string, Decompress>> = {
  gzip: promisify(gunzip),
  "x-gzip": promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

async function decompressed(bytes: Uint8Array, encoding: string, limits: BodyLimits): Promise<Uint8Array<ArrayBuffer>> {
  const decompress = Object.hasOwn(decompressors, encoding) ? decompressors[encoding] : undefined;
  if (decompress === undefined) {
    const message = `The content-encoding '${encoding.slice(0, 50)}' is not supported; send gzip, deflate, br or none.`;
    throw new GatewayError({ code: "unsupported_media_type", status: 415, message });
  }
  try {
    return new Uint8Array(await decompress(bytes, { maxOutputLength: limits.maxBytes }));
  } catch (error) {
    const code = typeof error === "object" && error !== null && "code" in error ? error.code : "";
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limits);
    throw invalidRequest(`The request body is damaged: it cannot be decompressed as ${encoding}.`);
  }
}

/** A body of unknown length, given up as soon as it is too long. */
async function readCounted(request: Request, limits: BodyLimits): Promise<Uint8Array<ArrayBuffer>> {
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array(0);
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(Buffer.concat(parts));
    size += value.length;
    if (size > limits.maxBytes) {
      // The rest is for whoever answers: a client that is still sending would not see an answer on a closed connection.
      reader.releaseLock();
      throw tooLarge(limits);
    }
    parts.push(value);
  }
}

function tooLate(timeoutMs: number): GatewayError {
  const message = `The request body did not arrive within ${timeoutMs} ms (server.bodyTimeout).`;
  return new GatewayError({ code: "request_timeout", status: 408, message });
}

function brokenOff(cause: unknown): GatewayError {
  const message = "The client went away before its request was complete.";
  return new GatewayError({ code: "client_cancelled", status: 499, message, cause });
}

function readWithin(request: Request, limits: BodyLimits): Promise<Uint8Array<ArrayBuffer>> {
  const { maxBytes, timeoutMs } = limits;
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > maxBytes) throw tooLarge(limits);
  const reading = length === null ? readCounted(request, limits) : request.bytes();
  // One promise and its reactions: Promise.race makes five.
  return new Promise((resolve, reject) => {
    const callOff = alarms.set(timeoutMs, () => reject(tooLate(timeoutMs)));
    const settle = <T>(tell: (outcome: T) => void, outcome: T): void => {
      callOff();
      tell(outcome);
    };
    reading.then(
      (bytes) => settle(resolve, bytes),
      (error: unknown) => settle(reject, error instanceof GatewayError ? error : brokenOff(error)),
    );
  });
}

async function readDecompressed(
  request: Request,
  limits: BodyLimits,
  encoding: string,
): Promise<Uint8Array<ArrayBuffer>> {
  return decompressed(await readWithin(request, limits), encoding, limits);
}

/** The request's body, decompressed. Throws or rejects with GatewayError: 408, 413, 415, or 400 for a damaged one. */
export function readBody(request: Request, limits: BodyLimits): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity" || encoding === "") return readWithin(request, limits);
  return readDecompressed(request, limits, encoding);
}

/** The same for a request that is at work from now on: many bodies that come slowly are as much as many answers. */
export function readWhileCounted(
  request: Request,
  limits: BodyLimits,
  load: { requests: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const reading = readBody(request, limits);
  const count = (): void => void (load.requests -= 1);
  load.requests += 1;
  reading.then(count, count);
  return reading;
}
