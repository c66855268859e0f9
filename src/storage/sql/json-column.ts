import { GatewayError, invalidRequest } from "../../errors.ts";

const mostBytes = 256 * 1024;

/** A value as JSON text, which is well formed and has no NUL in it. Throws GatewayError (400) when it cannot be kept. */
export function jsonText(value: unknown, what: string): string {
  const text = written(value);
  if (text === undefined) throw invalidRequest(`${what} is no value that JSON has.`);
  const bytes = Buffer.byteLength(text);
  if (bytes <= mostBytes) return text;
  throw new GatewayError({
    code: "request_too_large",
    status: 413,
    message: `${what} takes ${bytes} bytes as JSON; ${mostBytes} are the most that can be kept.`,
  });
}

function written(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** `undefined` when the text is no JSON: a database is a file. */
export function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
