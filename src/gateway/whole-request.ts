import { latin1OfUtf8 } from "../lib/latin1.ts";
import { parseRequest } from "../protocols/request-scan.ts";
import { mayNameResponses } from "./named-responses.ts";
import type { StoredResponses } from "./stored-responses.ts";

interface Asked {
  /** Of a Responses request (latin1). */
  text: string;
  keyId: string;
}

/** A request with everything that it only names, as far as it is kept here, for its size (latin1). Never throws. */
export function wholeRequest({ text, keyId }: Asked, responses: Pick<StoredResponses, "expanded">): string {
  if (!mayNameResponses(text)) return text;
  try {
    return latin1OfUtf8(JSON.stringify(responses.expanded(parseRequest(text), keyId)));
  } catch {
    // It may be kept upstream; who cannot go on from it is told so later.
    return text;
  }
}
