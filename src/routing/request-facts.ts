import type { Member, ScannedObject } from "../lib/json-scan.ts";
import type { ProtocolId } from "../protocols/protocol.ts";
import { isLiteral } from "../protocols/request-scan.ts";
import { type AnswerBounds, answerBoundsOf, longestAnswer, thoughtsOf, writesBound } from "./answer-size.ts";
import { memberIn, scanBody, wholeValueOf } from "./body-scan.ts";
import { promptKey } from "./prompt-key.ts";
import { needsOf } from "./request-needs.ts";
import { promptTokensOf } from "./request-size.ts";
import type { Needs, RequestFacts, Steering } from "./route.ts";
import { interactionKey, sessionKey } from "./session-key.ts";
import type { Target } from "./target.ts";

export interface RequestFactsOptions {
  /** The whole body, one character a byte. It may be anything: what is no JSON object says nothing. */
  text: string;
  headers: Pick<Headers, "get">;
  keyId: string;
  stream: boolean;
  /** Whose words the body is written in; `undefined` = not one of a conversation. */
  protocol: ProtocolId | undefined;
  steering: Steering | undefined;
  /** The body with what it only names, for its size; absent = it is all there. */
  whole?: (() => string) | undefined;
  /** Of a body that is no JSON; absent = nobody knows, and it counts for nothing. */
  promptTokens?: number | undefined;
  /** The body's members, where somebody has gone through it. */
  members?: ScannedObject | undefined;
}

/** OpenRouter takes three. */
export const mostModels = 8;
const noModels: readonly string[] = Object.freeze([]);

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

/** Not known yet, where `undefined` is something that may be known. */
const unread = Symbol("unread");

/** What is found is kept: several steps ask the same. */
class BodyFacts implements RequestFacts {
  readonly text: string;
  readonly headers: Pick<Headers, "get">;
  readonly keyId: string;
  readonly stream: boolean;
  readonly steering: Steering | undefined;
  private readonly whole: (() => string) | undefined;
  private readonly protocol: ProtocolId | undefined;
  private members: ScannedObject | undefined;
  private names: readonly string[] | undefined = undefined;
  private prompt: number | undefined;
  private bounds: AnswerBounds | undefined = undefined;
  private thoughts: number | undefined = undefined;
  private uses: Needs | undefined = undefined;
  private session: string | undefined | typeof unread = unread;
  private likeness: string | undefined | typeof unread = unread;

  constructor({ text, headers, keyId, stream, protocol, steering, whole, promptTokens, members }: RequestFactsOptions) {
    this.members = members;
    this.prompt = promptTokens;
    this.text = text;
    this.headers = headers;
    this.keyId = keyId;
    this.stream = stream;
    this.protocol = protocol;
    this.steering = steering;
    this.whole = whole;
  }

  /** The body's members; for other readers of facts too. */
  scanned(): ScannedObject {
    return (this.members ??= scanBody(this.text));
  }

  models(): readonly string[] {
    return (this.names ??= this.readModels());
  }

  private readModels(): readonly string[] {
    if (!this.mayHave('"models"')) return noModels;
    const list = memberIn(this.scanned(), "models");
    const value = list && wholeValueOf(this.text, list);
    if (!Array.isArray(value)) return noModels;
    const names = value.filter((name): name is string => typeof name === "string" && name !== "");
    return names.slice(0, mostModels);
  }

  hasOddModels(): boolean {
    if (!this.mayHave('"models"')) return false;
    const { text } = this;
    let list: Member | undefined;
    for (const member of this.scanned().members) {
      if (member.key !== "models") continue;
      if (list !== undefined) return true;
      list = member;
    }
    return list !== undefined && !isLiteral(text, list, "null") && !isListOfTexts(wholeValueOf(text, list));
  }

  promptTokens(): number {
    return (this.prompt ??= this.readPrompt());
  }

  private readPrompt(): number {
    const own = this.scanned();
    if (own.members.length === 0) return 0;
    const whole = this.whole?.() ?? this.text;
    return promptTokensOf(whole, whole === this.text ? own : scanBody(whole));
  }

  longestAnswer(usual: number, target?: Target): number {
    const longest = longestAnswer(this.answerBounds(), usual, target);
    if (target === undefined || !this.writesBound(target)) return longest;
    const thoughts = (this.thoughts ??= thoughtsOf(this.text, this.scanned()));
    return thoughts < longest ? longest : longest + thoughts;
  }

  writesBound(target: Target): boolean {
    return writesBound(this.protocol, target);
  }

  answers(): number {
    return this.answerBounds().answers;
  }

  private answerBounds(): AnswerBounds {
    return (this.bounds ??= answerBoundsOf(this.text, this.scanned(), this.protocol));
  }

  /** Whether to look for a member, its name in quotes: a search spares a scan that nobody has made. Escaped, any may be there. */
  private mayHave(name: string): boolean {
    return this.members !== undefined || this.text.includes(name) || this.text.includes(String.raw`\u`);
  }

  needs(): Needs {
    return (this.uses ??= needsOf(this.text, this.scanned(), this.protocol));
  }

  affinityKey(mode: "session" | "prompt"): string | undefined {
    if (this.session === unread) this.session = sessionKey(this.headers, this);
    if (this.session !== undefined) return this.session;
    if (mode === "session") return interactionKey(this.headers);
    if (this.likeness === unread) this.likeness = this.readLikeness();
    return this.likeness;
  }

  private readLikeness(): string | undefined {
    const like = this.protocol === undefined ? undefined : promptKey(this.text, this.scanned());
    return like ?? interactionKey(this.headers);
  }
}

/** What a choice may ask of a request. Nothing is read before somebody asks, and nothing throws, whatever the body is. */
export function createRequestFacts(options: RequestFactsOptions): RequestFacts {
  return new BodyFacts(options);
}
