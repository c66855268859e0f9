import { invalidRequest } from "../../errors.ts";

/** What this client says itself: a second word on it would let two readers see two different requests. */
const ownNames: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "connection",
  "transfer-encoding",
  "upgrade",
  "expect",
]);
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** One byte each on the wire, and none that ends the line. */
const cleanValue = /^[\t\x20-\x7e\x80-\xff]*$/;

const mostKnownNames = 500;
/** The same few names come with every request. */
const knownNames = new Set<string>();

function checkName(name: string): void {
  if (knownNames.has(name)) return;
  if (!token.test(name)) throw invalidRequest(`A request header has an invalid name: ${JSON.stringify(name)}.`);
  if (ownNames.has(name.toLowerCase())) throw invalidRequest(`The request header ${name} cannot be set.`);
  if (knownNames.size < mostKnownNames) knownNames.add(name);
}

export interface RequestHead {
  method: string;
  /** Everything between the method and the first header of the caller: path, version and host. */
  target: string;
  headers: Readonly<Record<string, string>>;
  bodyLength: number;
}

/** Latin1 text, ready to send. Throws GatewayError for a header that would not arrive as it is meant. */
export function writeRequestHead({ method, target, headers, bodyLength }: RequestHead): string {
  let text = `${method} ${target}`;
  for (const name in headers) {
    const value = headers[name] ?? "";
    checkName(name);
    if (!cleanValue.test(value))
      throw invalidRequest(`The request header ${name} has a character that cannot be sent.`);
    text += `${name}: ${value}\r\n`;
  }
  return method === "GET" ? `${text}\r\n` : `${text}content-length: ${bodyLength}\r\n\r\n`;
}
