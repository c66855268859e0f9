import { latin1Of } from "../../lib/latin1.ts";
import { MalformedResponse } from "./malformed.ts";
import { parseResponseHead, type ResponseHead } from "./response-head.ts";

const longestHead = 64 * 1024;
/** 100 Continue, 103 Early Hints: nobody sends many. */
const mostInterim = 16;
const endOfHead = Buffer.from("\r\n\r\n");
const nothing = Buffer.alloc(0);

/** Finds the heads of a connection's answers, cut into pieces anywhere, and passes over the interim ones before them. */
export class HeadReader {
  /** Only used by a head that comes in pieces. */
  private held: Buffer | undefined;
  private heldLength = 0;
  private interim = 0;
  private rest: Buffer = nothing;

  /** The head once it is complete; `undefined` while it is not. Throws MalformedResponse. */
  take(bytes: Buffer): ResponseHead | undefined {
    for (let text = this.takeText(bytes); text !== undefined; text = this.takeText(this.rest)) {
      const head = parseResponseHead(text);
      if (head.status >= 200) {
        this.interim = 0;
        this.held = undefined;
        return head;
      }
      if (head.status === 101) throw new MalformedResponse("an upgrade that nobody asked for");
      this.interim += 1;
      if (this.interim > mostInterim) throw new MalformedResponse(`more than ${mostInterim} interim answers`);
      if (this.rest.length === 0) return undefined;
    }
    return undefined;
  }

  /** The bytes behind the head that `take` returned. */
  takeRest(): Buffer {
    const { rest } = this;
    this.rest = nothing;
    return rest;
  }

  private takeText(bytes: Buffer): string | undefined {
    if (this.heldLength > 0) return this.takeHeld(bytes);
    const end = bytes.indexOf(endOfHead);
    if (end === -1) return this.takeHeld(bytes);
    if (end > longestHead) throw new MalformedResponse("a head of more than 64 KiB");
    this.rest = bytes.subarray(end + endOfHead.length);
    return latin1Of(bytes, 0, end);
  }

  private takeHeld(bytes: Buffer): string | undefined {
    const before = this.heldLength;
    const end = this.hold(bytes);
    if (end === -1 || this.held === undefined) return undefined;
    const text = latin1Of(this.held, 0, end);
    this.heldLength = 0;
    this.rest = bytes.subarray(end + endOfHead.length - before);
    return text;
  }

  /** Puts the piece behind what is held; what does not fit would be too long in any case. */
  private hold(bytes: Buffer): number {
    this.held ??= Buffer.allocUnsafe(longestHead + endOfHead.length);
    const from = Math.max(0, this.heldLength - endOfHead.length + 1);
    this.heldLength += bytes.copy(this.held, this.heldLength);
    const found = this.held.subarray(0, this.heldLength).indexOf(endOfHead, from);
    if (found === -1 && this.heldLength === this.held.length) throw new MalformedResponse("a head of more than 64 KiB");
    return found;
  }
}
