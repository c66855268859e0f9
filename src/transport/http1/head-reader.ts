import { latin1Of } from "../../lib/latin1.ts";
import { MalformedResponse } from "./malformed.ts";
import { parseResponseHead, type ResponseHead } from "./response-head.ts";

const longestHead = 64 * 1024;
/** 100 Continue, 103 Early Hints: nobody sends many. */
const mostInterim = 16;
const endOfHead = Buffer.from("\r\n\r\n");

export interface HeadReader {
  /** The head once it is complete, with the bytes behind it; `undefined` while it is not. Throws MalformedResponse. */
  take(bytes: Buffer): { head: ResponseHead; rest: Buffer } | undefined;
}

/** Finds the head of one answer, cut into pieces anywhere, and passes over the interim ones before it. */
export function createHeadReader(): HeadReader {
  /** Only used by a head that comes in pieces. */
  let held: Buffer | undefined;
  let heldLength = 0;
  let interim = 0;

  /** Puts the piece behind what is held; what does not fit would be too long in any case. */
  function hold(bytes: Buffer): number {
    held ??= Buffer.allocUnsafe(longestHead + endOfHead.length);
    const from = Math.max(0, heldLength - endOfHead.length + 1);
    heldLength += bytes.copy(held, heldLength);
    const found = held.subarray(0, heldLength).indexOf(endOfHead, from);
    if (found === -1 && heldLength === held.length) throw new MalformedResponse("a head of more than 64 KiB");
    return found;
  }

  function takeHeld(bytes: Buffer): { text: string; rest: Buffer } | undefined {
    const before = heldLength;
    const end = hold(bytes);
    if (end === -1 || held === undefined) return undefined;
    const text = latin1Of(held.subarray(0, end));
    heldLength = 0;
    return { text, rest: bytes.subarray(end + endOfHead.length - before) };
  }

  function takeText(bytes: Buffer): { text: string; rest: Buffer } | undefined {
    if (heldLength > 0) return takeHeld(bytes);
    const end = bytes.indexOf(endOfHead);
    if (end === -1) return takeHeld(bytes);
    if (end > longestHead) throw new MalformedResponse("a head of more than 64 KiB");
    return { text: latin1Of(bytes.subarray(0, end)), rest: bytes.subarray(end + endOfHead.length) };
  }

  return {
    take(bytes) {
      for (let found = takeText(bytes); found !== undefined; found = takeText(found.rest)) {
        const head = parseResponseHead(found.text);
        if (head.status >= 200) return { head, rest: found.rest };
        if (head.status === 101) throw new MalformedResponse("an upgrade that nobody asked for");
        interim += 1;
        if (interim > mostInterim) throw new MalformedResponse(`more than ${mostInterim} interim answers`);
        if (found.rest.length === 0) return undefined;
      }
      return undefined;
    },
  };
}
