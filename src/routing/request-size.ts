import { openBrace, openBracket, quote } from "../lib/json-characters.ts";
import { type Range, type ScannedObject, skipString, valueEnd, walkElements, walkMembers } from "../lib/json-scan.ts";
import { sniffMediaType } from "../protocols/canonical/media.ts";
import { imageTokens, inlineTokens, remoteTokens, roughTokens } from "../protocols/canonical/rough-tokens.ts";
import { valueOf } from "./body-scan.ts";
import { type MediaPlace, placeOf } from "./media-places.ts";

/** Deeper than media lie in any protocol. */
const deepest = 20;
/** More than any model looks at: what else there is counts as text. */
const mostMedia = 10_000;
/** What comes before the bytes in a data URL, and the first of them. */
const longestHead = 200;
const dataUrl = /^data:([^;,]*)(?:;[^;,]*)*?;base64,/i;

/** What bytes are where nothing is said; an unknown file may be a text. */
const usualTypes: Partial<Record<MediaPlace, string>> = {
  "picture-bytes": "image/png",
  "file-bytes": "",
  sound: "audio/wav",
};

const typeNames: readonly string[] = ["media_type", "mime_type", "mimetype"];

function isObjectOrList(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === openBrace || code === openBracket;
}

/** What a body's media weigh, and how much of its text they are. */
class MediaScale {
  tokens = 0;
  characters = 0;
  private readonly text: string;
  private count = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Weighs the value at `at`, which stands in such a place; returns its end. */
  visit(at: number, place: MediaPlace, depth: number): number {
    const { text } = this;
    if (this.count === mostMedia || depth === deepest) return valueEnd(text, at);
    if (text.charCodeAt(at) === quote) return this.visitText(at, place);
    if (!isObjectOrList(text, at)) return valueEnd(text, at);
    if (text.charCodeAt(at) === openBracket)
      return walkElements(text, at, (element) => this.visit(element, place, depth + 1));
    if (place === "source" || place === "inline") return this.visitTyped(at, place, depth);
    return walkMembers(text, at, (key, value) => this.visitMember(key, value, place, depth));
  }

  private visitMember(key: string, at: number, outer: MediaPlace, depth: number): number {
    const place = placeOf(key, outer);
    return place === undefined ? valueEnd(this.text, at) : this.visit(at, place, depth + 1);
  }

  private visitText(at: number, place: MediaPlace): number {
    const end = skipString(this.text, at);
    const usual = usualTypes[place];
    if (end - at === 2 || (usual === undefined && place !== "picture" && place !== "link")) return end;
    const head = this.headOf(at, end);
    const match = dataUrl.exec(head);
    if (match !== null) this.addBytes({ start: at + match[0].length, end }, [match[1] ?? ""]);
    else if (usual !== undefined && !head.includes(":")) this.addBytes({ start: at, end }, [usual]);
    else this.add(place === "picture" ? imageTokens : remoteTokens, 0);
    return end;
  }

  /** An object that says of what type its `data` are, which may be text in so many words. */
  private visitTyped(at: number, place: "source" | "inline", depth: number): number {
    const { text } = this;
    const data: Range[] = [];
    const kinds: unknown[] = [];
    const types: string[] = [];
    const end = walkMembers(text, at, (key, start) => {
      const range = { start, end: this.visitMember(key, start, place, depth) };
      const name = key.toLowerCase();
      if (name === "data" && text.charCodeAt(start) === quote) data.push(range);
      else if (name === "type") kinds.push(valueOf(text, range));
      else if (typeNames.includes(name)) types.push(String(valueOf(text, range)));
      return range.end;
    });
    const [bytes, second] = data;
    const isSaid = place === "inline" || (kinds.length > 0 && kinds.every((kind) => kind === "base64"));
    if (bytes !== undefined && second === undefined && isSaid) this.addBytes(bytes, types.length === 0 ? [""] : types);
    return end;
  }

  /** The text in quotes at `range` is bytes. Of two types the heavier counts: who reads which is not known. */
  private addBytes({ start, end }: Range, types: readonly string[]): void {
    const characters = end - start - '""'.length;
    const data = this.headOf(start, end);
    let tokens = 0;
    for (const type of types) {
      const mediaType = sniffMediaType({ mediaType: type.toLowerCase(), data });
      tokens = Math.max(tokens, inlineTokens(mediaType, characters));
    }
    this.add(tokens, characters);
  }

  private add(tokens: number, characters: number): void {
    this.count += 1;
    this.tokens += tokens;
    this.characters += characters;
  }

  /** How the text in quotes begins. Some encoders of JSON write `\/` for `/`. */
  private headOf(start: number, end: number): string {
    return this.text.slice(start + 1, Math.min(start + longestHead, end - 1)).replaceAll(String.raw`\/`, "/");
  }
}

function weigh(text: string, { members }: ScannedObject): MediaScale {
  const scale = new MediaScale(text);
  for (const { key, start, end } of members) {
    const place = placeOf(key, "body");
    if (place === undefined || !isObjectOrList(text, start)) continue;
    // Long lists of texts and numbers hold none.
    const object = place === "picture-bytes" ? start : text.indexOf("{", start);
    if (object !== -1 && object < end) scale.visit(start, place, 0);
  }
  return scale;
}

/**
 * About how many tokens a prompt has: its text by its length, pictures, sounds and files by what they are. They are looked
 * for only where a protocol has them: elsewhere the same words are read by the model as the text they are.
 */
export function promptTokensOf(text: string, body: ScannedObject): number {
  try {
    const { tokens, characters } = weigh(text, body);
    return roughTokens(text.length - characters) + tokens;
  } catch {
    // A key with a broken escape: no upstream will read any of it.
    return roughTokens(text.length);
  }
}
