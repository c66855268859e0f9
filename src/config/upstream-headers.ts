import { z } from "zod";

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** One byte each on the wire, and none that ends the line. */
const wireText = /^[\t\x20-\x7e\x80-\xff]*$/;
/** They say how the request itself travels; a second word on that would let two readers see two different requests. */
const ownNames = /^(?:host|content-length|connection|transfer-encoding|upgrade|expect)$/i;

/** A text that can be the value of an HTTP header; blanks and line breaks around it mean nothing there. */
export function wireValue() {
  return z
    .string()
    .trim()
    .regex(wireText, { message: "must be one line of Latin letters, digits and signs to be sent in an HTTP header" });
}

function lowerCased(headers: Readonly<Record<string, string>>, context: z.core.$RefinementCtx): Record<string, string> {
  const lower = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    const problem = ownNames.test(key)
      ? "cannot be set: the gateway writes this header itself"
      : lower.has(key) && "is written twice: upper and lower case make no difference in a header's name";
    if (problem !== false) context.addIssue({ code: "custom", path: [name], message: problem });
    else lower.set(key, value);
  }
  return Object.fromEntries(lower);
}

/** Headers for every request to a provider; their names come out in lower case, so that each can be there once only. */
export const upstreamHeaders = z.record(z.string().regex(token), wireValue()).transform(lowerCased);
