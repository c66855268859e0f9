import type { Member, ScannedObject } from "../lib/json-scan.ts";
import { thinkingBudgets } from "../protocols/anthropic-messages/encode-thinking.ts";
import { outputLimit, outputLimitPath, requiresOutputLimit } from "../protocols/parameters/index.ts";
import type { ProtocolId } from "../protocols/protocol.ts";
import { isLiteral } from "../protocols/request-scan.ts";
import { innerOf, isLong, wholeValueOf } from "./body-scan.ts";
import { laneOf } from "./lane.ts";
import type { Target } from "./target.ts";

/**
 * How long an answer may become, by what a body says. Who wants to be charged for less may bound an answer in words that
 * the upstream does not read, or in two at once: what is longest counts.
 */
export interface AnswerBounds {
  /** In the words of the client's protocol, which a target's parameters may replace; `undefined` = in none. */
  own: number | undefined;
  /** In words of others, which some upstreams obey as well; 0 = in none. */
  others: number;
  /** Some word stands for no bound, as Ollama's -1 does, or nobody can read it. */
  isOpen: boolean;
  /** Answers that are asked for at once: `n`, `best_of`, Gemini's `candidateCount`. */
  answers: number;
}

type Meaning = "bound" | "count" | "settings";
type IsOwn = (name: string) => boolean;

const anyName: IsOwn = () => true;
const noName: IsOwn = () => false;

/** In small letters. */
const meanings: ReadonlyMap<string, Meaning> = new Map([
  ["max_tokens", "bound"],
  ["max_completion_tokens", "bound"],
  ["max_output_tokens", "bound"],
  ["maxoutputtokens", "bound"],
  ["max_new_tokens", "bound"],
  ["n_predict", "bound"],
  ["num_predict", "bound"],
  ["n", "count"],
  ["best_of", "count"],
  ["candidate_count", "count"],
  ["candidatecount", "count"],
  ["generation_config", "settings"],
  ["generationconfig", "settings"],
  ["options", "settings"],
]);
const thinkingNames = /^(?:reasoning(?:_effort)?|think(?:ing)?(?:_?config)?|output_config)$/i;
const thoughtNames = /^(?:budget_tokens|max_tokens|thinking_?budget|effort|thinking_?level)$/i;

/** Some upstreams make as many answers as one asks for; of more than these the price would be no number any more. */
const mostAnswers = 1_000_000_000;

/** In any case: servers written in Go take `Max_Tokens` for `max_tokens`. */
function meaningOf({ key }: Member): Meaning | undefined {
  return meanings.get(key.toLowerCase());
}

function isNested(text: string, { start }: Member): boolean {
  return text[start] === "{" || text[start] === "[";
}

/** Google and some others read numbers in texts too. */
function numberAt(text: string, member: Member): number {
  if (isNested(text, member)) return Number.NaN;
  const value = wholeValueOf(text, member);
  if (typeof value === "string" && value.trim() !== "") return Number(value);
  return typeof value === "number" ? value : Number.NaN;
}

function addBound(found: AnswerBounds, text: string, { member, isOwn }: { member: Member; isOwn: boolean }): void {
  if (isLiteral(text, member, "null")) return;
  const tokens = numberAt(text, member);
  if (!Number.isFinite(tokens) || tokens <= 0) found.isOpen = true;
  else if (isOwn) found.own = Math.max(found.own ?? 0, tokens);
  else found.others = Math.max(found.others, tokens);
}

function addCount(found: AnswerBounds, asked: number): void {
  if (Number.isFinite(asked)) found.answers = Math.min(mostAnswers, Math.max(found.answers, asked));
}

/** Every member counts, equal ones too: which of them is obeyed is the upstream's choice. */
function addBounds(found: AnswerBounds, text: string, { members }: ScannedObject, isOwn: IsOwn): void {
  for (const member of members) {
    const meaning = meaningOf(member);
    if (meaning === "bound") addBound(found, text, { member, isOwn: isOwn(member.key) });
    else if (meaning === "count") addCount(found, numberAt(text, member));
  }
}

function thoughtsAt(text: string, member: Member): number {
  if (isNested(text, member)) return 0;
  const value = wholeValueOf(text, member);
  // Gemini's -1: as the model thinks best.
  if (typeof value === "number") return value < 0 ? thinkingBudgets.high : value;
  if (typeof value !== "string" || value === "none") return value === true ? thinkingBudgets.high : 0;
  return Object.entries(thinkingBudgets).find(([effort]) => effort === value)?.[1] ?? thinkingBudgets.max;
}

function mostThoughts(text: string, { members }: ScannedObject): number {
  let most = 0;
  for (const member of members) {
    if (!thinkingNames.test(member.key)) continue;
    // Nobody writes so much of it: it may say anything, and reading it would hold others up.
    if (isLong(member)) return thinkingBudgets.max;
    const inner = innerOf(text, member).members.filter(({ key }) => thoughtNames.test(key));
    for (const one of [member, ...inner]) most = Math.max(most, thoughtsAt(text, one));
  }
  return most;
}

/** How many tokens shall be thought; 0 = nobody says. */
export function thoughtsOf(text: string, body: ScannedObject): number {
  let most = mostThoughts(text, body);
  for (const member of body.members)
    if (meaningOf(member) === "settings") most = Math.max(most, mostThoughts(text, innerOf(text, member)));
  return most;
}

/** `protocol`: the client's; `undefined` = nobody knows whose words they are. */
export function answerBoundsOf(text: string, body: ScannedObject, protocol: ProtocolId | undefined): AnswerBounds {
  const found: AnswerBounds = { own: undefined, others: 0, isOpen: false, answers: 1 };
  const [first, second] = protocol === undefined ? [] : outputLimitPath(protocol);
  const isOuter = first === undefined ? anyName : (name: string) => first.includes(name);
  const isInner = second === undefined ? noName : (name: string) => second.includes(name);
  addBounds(found, text, body, second === undefined ? isOuter : noName);
  for (const member of body.members) {
    if (meaningOf(member) !== "settings") continue;
    const isOwn = first === undefined ? anyName : isInner;
    addBounds(found, text, innerOf(text, member), isOuter(member.key) ? isOwn : noName);
  }
  return found;
}

/**
 * Whether the gateway itself says how long an answer may become, where the client does not: translated to Anthropic's
 * words, which demand a bound. Thoughts that have no room in an answer get it besides.
 */
export function writesBound(protocol: ProtocolId | undefined, { upstream }: Target): boolean {
  const lane = protocol && laneOf(protocol, upstream.config.protocols);
  return lane?.kind === "translate" && requiresOutputLimit(lane.protocol);
}

/** How many tokens an answer may have; where nothing bounds it, `usual`. `target`: whose parameters change the request. */
export function longestAnswer(bounds: AnswerBounds, usual: number, target: Target | undefined): number {
  const { own, others, isOpen } = bounds;
  const rules = target?.parameters;
  const bounded =
    rules === undefined
      ? (own ?? usual)
      : outputLimit(rules, { asked: own, usual, mayStay: target?.upstream.config.protocols.some(requiresOutputLimit) });
  return Math.max(bounded, others, isOpen ? usual : 0);
}
