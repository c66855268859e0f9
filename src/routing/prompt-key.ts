import { scanElements, type Range, type ScannedObject } from "../lib/json-scan.ts";
import { eitherMember, memberIn, scanAt } from "./body-scan.ts";

/** Claude Code's first block of the system prompt: it changes with every request. */
const volatileStart = "x-anthropic-billing-header:";
/** Texts lie in parts, parts in a content, a content in a message. */
const deepest = 6;
/** A prompt without messages grows at its end: this much of it stays. Shorter ones are cached by nobody. */
const steadyCharacters = 1024;

/** Texts in the order they stand in, one digest over all of them. */
class TextDigest {
  private digest = 0n;
  private readonly text: string;
  texts = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The texts of a value, whether it is one or holds parts that have them. Other marks of parts come and go. */
  add(range: Range, depth = deepest): void {
    const { text } = this;
    const first = text[range.start];
    if (first === '"') this.addPiece(text.slice(range.start + 1, range.end - 1));
    else if (depth === 0) return;
    else if (first === "[") for (const element of scanElements(text, range.start)) this.add(element, depth - 1);
    else if (first === "{") {
      const object = scanAt(text, range.start);
      for (const key of ["text", "content", "parts"]) {
        const inner = memberIn(object, key);
        if (inner !== undefined) this.add(inner, depth - 1);
      }
    }
  }

  addPiece(piece: string): void {
    if (piece === "" || piece.startsWith(volatileStart)) return;
    this.digest = Bun.hash.wyhash(piece, this.digest);
    this.texts += 1;
  }

  key(): string {
    return `like ${this.digest.toString(36)}`;
  }
}

type Speaker = "user" | "system" | "other";

function speakerOf(text: string, range: Range): Speaker {
  const message = scanAt(text, range.start);
  const role = memberIn(message, "role");
  // Gemini's contents are the user's where they do not say whose; what has no role elsewhere is no message.
  if (role === undefined) return memberIn(message, "parts") === undefined ? "other" : "user";
  const word = text.slice(role.start + 1, role.end - 1).toLowerCase();
  if (word === "user") return "user";
  return word === "system" || word === "developer" ? "system" : "other";
}

/** A first message without words (a picture) is told from others by itself. */
function addFirstMessage(text: string, message: Range, digest: TextDigest): void {
  const before = digest.texts;
  digest.add(message);
  if (digest.texts === before) digest.addPiece(text.slice(message.start, message.end));
}

/** Returns whether there was a first user message. */
function addConversation(text: string, conversation: Range, digest: TextDigest): boolean {
  if (text[conversation.start] !== "[") {
    addFirstMessage(text, conversation, digest);
    return true;
  }
  for (const message of scanElements(text, conversation.start)) {
    const speaker = text[message.start] === '"' ? "user" : speakerOf(text, message);
    if (speaker === "system") digest.add(message);
    if (speaker !== "user") continue;
    addFirstMessage(text, message, digest);
    return true;
  }
  return false;
}

function promptStart(text: string, prompt: Range | undefined): string | undefined {
  if (prompt === undefined || text[prompt.start] !== '"') return undefined;
  if (prompt.end - prompt.start - 2 < steadyCharacters) return undefined;
  return text.slice(prompt.start + 1, prompt.start + 1 + steadyCharacters);
}

/**
 * What all requests of one growing conversation share: a digest of the system prompt and the first user message, by
 * their texts alone. `undefined` where there is no such message. `body` is the scanned `text`.
 */
export function promptKey(text: string, body: ScannedObject): string | undefined {
  const digest = new TextDigest(text);
  const system =
    memberIn(body, "system") ??
    memberIn(body, "instructions") ??
    eitherMember(body, "systemInstruction", "system_instruction");
  if (system !== undefined) digest.add(system);
  const conversation = memberIn(body, "messages") ?? memberIn(body, "input") ?? memberIn(body, "contents");
  if (conversation !== undefined) return addConversation(text, conversation, digest) ? digest.key() : undefined;
  const start = promptStart(text, memberIn(body, "prompt"));
  if (start === undefined) return undefined;
  digest.addPiece(start);
  return digest.key();
}
