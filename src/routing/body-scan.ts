import { scanMembers, skipSpace, type Member, type Range, type ScannedObject } from "../lib/json-scan.ts";
import { utf8OfLatin1 } from "../lib/latin1.ts";
import { jsonOf } from "../protocols/fields.ts";

/** Reading of bodies that may be anything: what is not what one expects is nothing, and nothing throws. */

const nothingScanned: ScannedObject = Object.freeze({ members: [], open: 0, close: 0 });

/** Deeper than any body that is let in. */
const deepest = 1000;
/** A value of this kind that is longer is read by nobody here. */
const longestValue = 100_000;

/** The members of the object at `from`; none where there is none. */
export function scanAt(text: string, from: number): ScannedObject {
  if (text[from] !== "{") return nothingScanned;
  try {
    return scanMembers(text, from, deepest);
  } catch {
    return nothingScanned;
  }
}

export function scanBody(text: string): ScannedObject {
  return scanAt(text, skipSpace(text, 0));
}

/** The last value wins, as in every JSON parser. */
export function memberIn({ members }: ScannedObject, key: string): Member | undefined {
  for (let index = members.length - 1; index >= 0; index -= 1) if (members[index]?.key === key) return members[index];
  return undefined;
}

/** By its camel-case or its snake-case name. */
export function eitherMember(object: ScannedObject, camel: string, snake: string): Member | undefined {
  return memberIn(object, camel) ?? memberIn(object, snake);
}

/** The members of a member that is an object. */
export function innerOf(text: string, member: Member | undefined): ScannedObject {
  return member === undefined ? nothingScanned : scanAt(text, member.start);
}

export function isLong({ start, end }: Range): boolean {
  return end - start > longestValue;
}

/** A short value; `undefined` when it is not there, broken or long. */
export function valueOf(text: string, range: Range | undefined): unknown {
  if (range === undefined || isLong(range)) return undefined;
  return wholeValueOf(text, range);
}

/** However long it is, for what must not go by unseen; `undefined` when it is broken. */
export function wholeValueOf(text: string, { start, end }: Range): unknown {
  return jsonOf(utf8OfLatin1(text.slice(start, end)));
}
