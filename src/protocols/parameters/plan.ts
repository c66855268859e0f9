import { isAscii, latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Fields } from "../fields.ts";
import type { ProtocolId } from "../protocol.ts";
import { changedValue, type Change } from "./change.ts";
import { placeOf, stepsOf, type Step } from "./places.ts";
import type { ParameterRules } from "./rules.ts";

/** What becomes of a field: JSON (latin1) to stand there, `gone`, or `undefined`: it stays as it is. */
export type Fate = string | undefined;
export const gone = "";

/** All that rules say of one field, made ready for bodies. */
export interface PlannedField {
  /** Ways to write its key. */
  readonly spellings: readonly string[];
  /** As it is written where the client sent none, and with its colon (latin1). */
  readonly name: string;
  readonly key: string;
  /** Its own name is written in any case: what the client sent is taken out before. */
  readonly isRenewed: boolean;
  /** Where the client sent none, or null. */
  readonly ifAbsent: Fate;
  /** Where it sent neither null nor an object. */
  readonly ifPlain: Fate;
  readonly ifObject: Fate;
  /** Members of the same object that keep out what is only there where the client sent none. */
  readonly rivals: readonly string[];
  /** What is changed inside of an object that stays. */
  readonly inner: readonly PlannedField[];
}

export interface Plan {
  readonly fields: readonly PlannedField[];
  /** Keys of a body can be compared as they are. */
  readonly isAscii: boolean;
}

/** The client's, or known: then `value` stands there, and `undefined` is nothing. */
type Outcome = "sent" | { readonly value: unknown };

/** Rules of a field and of those inside of it, each applied to whatever the ones before have left. */
interface Draft {
  step: Step;
  isRenewed: boolean;
  absent: Outcome;
  plain: Outcome;
  object: Outcome;
  rivals: readonly string[];
  readonly inner: Map<string, Draft>;
}

/** Who may not be touched: they decide where a request goes, or are what it says. */
const untouchable: readonly string[] = ["model", "stream", "messages", "input", "contents", "system"];

function draftAt(drafts: Map<string, Draft>, step: Step): Draft {
  let draft = drafts.get(step.id);
  if (draft === undefined) {
    draft = { step, isRenewed: false, absent: "sent", plain: "sent", object: "sent", rivals: [], inner: new Map() };
    drafts.set(step.id, draft);
  }
  return draft;
}

function afterAbsent({ absent }: Draft, change: Change, depth: number): Outcome {
  if (absent !== "sent") return { value: changedValue(absent.value, change, depth) };
  // A null stays where nothing is said of the field itself.
  if (change.kind === "remove" && depth < change.path.length) return "sent";
  return { value: changedValue(undefined, change, depth) };
}

function afterPlain({ plain }: Draft, change: Change, depth: number): Outcome {
  if (plain !== "sent") return { value: changedValue(plain.value, change, depth) };
  const isTouched = change.kind === "override" || (change.kind === "remove" && depth === change.path.length);
  return isTouched ? { value: changedValue(undefined, change, depth) } : "sent";
}

function afterObject({ object, inner }: Draft, change: Change, depth: number): Outcome {
  if (object !== "sent") return { value: changedValue(object.value, change, depth) };
  if (depth < change.path.length) {
    draftChange(inner, change, depth);
    return "sent";
  }
  return change.kind === "default" ? "sent" : { value: changedValue(undefined, change, depth) };
}

function draftChange(drafts: Map<string, Draft>, change: Change, depth: number): void {
  const step = change.path[depth] as Step;
  const draft = draftAt(drafts, step);
  const behind = depth + 1;
  const isItself = behind === change.path.length;
  if (isItself && change.kind === "remove") draft.isRenewed = true;
  if (isItself) draft.rivals = change.rivals;
  draft.absent = afterAbsent(draft, change, behind);
  draft.plain = afterPlain(draft, change, behind);
  draft.object = afterObject(draft, change, behind);
  if (change.kind !== "remove") draft.step = step;
}

function fateOf(outcome: Outcome): Fate {
  if (outcome === "sent") return undefined;
  const json = JSON.stringify(outcome.value) as string | undefined;
  return json === undefined ? gone : latin1OfUtf8(json);
}

function plannedFields(drafts: Map<string, Draft>): PlannedField[] {
  return [...drafts.values()].map(({ step, isRenewed, absent, plain, object, rivals, inner }) => ({
    spellings: step.spellings,
    name: step.name,
    key: `${latin1OfUtf8(JSON.stringify(step.name))}:`,
    isRenewed,
    ifAbsent: fateOf(absent),
    ifPlain: fateOf(plain),
    ifObject: fateOf(object),
    rivals,
    inner: object === "sent" ? plannedFields(inner) : [],
  }));
}

function changesOf(name: string, value: unknown, kind: Change["kind"], protocol: ProtocolId): Change[] {
  const place = placeOf(name, protocol);
  if (place === undefined || (kind === "remove" && place.isRequired === true)) return [];
  const said = kind === "remove" ? undefined : place.translate?.(value);
  const change = {
    kind,
    path: stepsOf(said?.path ?? place.path, protocol),
    value: said === undefined ? value : said.value,
    rivals: place.rivals ?? [],
  };
  return untouchable.includes(change.path[0]?.id ?? "") ? [] : [change];
}

/** Of two rules for one field the later counts, and objects come before what is in them. */
function inOrder(changes: readonly Change[]): Change[] {
  const last = new Map(changes.map((change) => [JSON.stringify(change.path.map(({ id }) => id)), change]));
  return [...last.values()].sort((left, right) => left.path.length - right.path.length);
}

function removalsOf({ remove, overrides }: ParameterRules, protocol: ProtocolId): Change[] {
  const twins = [...remove, ...Object.keys(overrides)].flatMap((name) => placeOf(name, protocol)?.twins ?? []);
  return [...remove, ...twins].flatMap((name) => changesOf(name, undefined, "remove", protocol));
}

function settingsOf(values: Fields, kind: "default" | "override", protocol: ProtocolId): Change[] {
  return inOrder(
    Object.entries(values)
      .filter(([, value]) => value !== undefined && (kind === "override" || value !== null))
      .flatMap(([name, value]) => changesOf(name, value, kind, protocol)),
  );
}

function isAsciiField({ spellings, inner }: PlannedField): boolean {
  return spellings.every(isAscii) && inner.every(isAsciiField);
}

/** What rules mean for the bodies of one protocol. */
export function planOf(rules: ParameterRules, protocol: ProtocolId): Plan {
  const drafts = new Map<string, Draft>();
  const changes = [
    ...removalsOf(rules, protocol),
    ...settingsOf(rules.defaults, "default", protocol),
    ...settingsOf(rules.overrides, "override", protocol),
  ];
  for (const change of changes) draftChange(drafts, change, 0);
  const fields = plannedFields(drafts);
  return { fields, isAscii: fields.every(isAsciiField) };
}
