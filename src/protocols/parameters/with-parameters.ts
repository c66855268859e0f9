import { openBrace } from "../../lib/json-characters.ts";
import { applyEdits, type JsonEdit } from "../../lib/json-edit.ts";
import {
  JsonScanError,
  scanMembers,
  skipSpace,
  skipString,
  type Member,
  type Range,
  type ScannedObject,
} from "../../lib/json-scan.ts";
import { isAscii, utf8OfLatin1 } from "../../lib/latin1.ts";
import { jsonOf } from "../fields.ts";
import type { ProtocolId } from "../protocol.ts";
import { isLiteral, withoutElements } from "../request-scan.ts";
import { gone, planOf, type Fate, type Plan, type PlannedField } from "./plan.ts";
import type { ParameterRules } from "./rules.ts";

/** A body's text and what is done to it. */
interface Editing {
  readonly text: string;
  readonly plan: Plan;
  readonly edits: JsonEdit[];
}

/** Where the key of a member begins. */
function keyStart(text: string, { members, open }: ScannedObject, index: number): number {
  const before = members[index - 1];
  return before === undefined ? skipSpace(text, open) : skipSpace(text, skipSpace(text, before.end) + 1);
}

/** Keys as they read, also where escapes stand beside bytes of other characters. */
function decodeKeys(text: string, object: ScannedObject): void {
  for (const [index, member] of object.members.entries()) {
    if (isAscii(member.key)) continue;
    const start = keyStart(text, object, index);
    const key = jsonOf(utf8OfLatin1(text.slice(start, skipString(text, start))));
    if (typeof key === "string") member.key = key;
  }
}

/** One object of a body. As in every JSON parser the last of equal keys is what the client sent. */
class ObjectEditor {
  private readonly editing: Editing;
  private readonly object: ScannedObject;
  /** What is read in the end, and not an earlier one of equal keys. */
  private readonly isRead: boolean;
  private removed: Set<number> | undefined;
  private added = "";

  constructor(editing: Editing, start: number, isRead: boolean) {
    const { text, plan } = editing;
    this.editing = editing;
    this.isRead = isRead;
    this.object = scanMembers(text, start, Number.MAX_SAFE_INTEGER);
    if (!plan.isAscii) decodeKeys(text, this.object);
  }

  edit(fields: readonly PlannedField[]): void {
    for (const field of fields) this.editField(field);
    this.addEdits();
  }

  private editField(field: PlannedField): void {
    const sent = this.sentMember(field.spellings);
    const fate = this.fateOf(field, sent);
    if (fate === undefined) this.editInside(field, sent);
    else if (fate === gone) this.remove(field);
    else this.set(field, fate, sent);
  }

  /** What the client sent, which null is not; of several spellings the one that stands last. */
  private sentMember(spellings: readonly string[]): Member | undefined {
    const { members } = this.object;
    let sent = -1;
    for (const spelling of spellings) {
      let last = members.length - 1;
      while (last >= 0 && members[last]?.key !== spelling) last -= 1;
      if (last > sent && !isLiteral(this.editing.text, members[last], "null")) sent = last;
    }
    return members[sent];
  }

  private fateOf(field: PlannedField, sent: Member | undefined): Fate {
    const { ifAbsent, ifPlain, ifObject, rivals } = field;
    if (sent !== undefined) return this.isObject(sent) ? ifObject : ifPlain;
    const isDefault = ifPlain === undefined;
    if (!isDefault) return ifAbsent;
    if (!this.isRead) return undefined;
    return rivals.some((rival) => this.sentMember([rival]) !== undefined) ? undefined : ifAbsent;
  }

  private isObject({ start }: Member): boolean {
    return this.editing.text.charCodeAt(start) === openBrace;
  }

  private remove({ spellings }: PlannedField): void {
    for (const [index, { key }] of this.object.members.entries()) if (spellings.includes(key)) this.removeAt(index);
  }

  private removeAt(index: number): void {
    this.removed ??= new Set();
    this.removed.add(index);
  }

  /** Wherever the key stands: no parser may find another value. */
  private set({ spellings, name, key, isRenewed }: PlannedField, json: string, sent: Member | undefined): void {
    const kept = isRenewed || sent === undefined ? name : sent.key;
    let isThere = false;
    for (const [index, member] of this.object.members.entries()) {
      if (!spellings.includes(member.key)) continue;
      if (member.key !== kept) {
        this.removeAt(index);
        continue;
      }
      isThere = true;
      this.replace(member, json);
    }
    if (!isThere) this.added += `,${key}${json}`;
  }

  private replace({ start, end }: Member, json: string): void {
    this.editing.edits.push({ start, end, text: json });
  }

  /** A field that stays, with all that stand beside it under the same name. */
  private editInside({ spellings, ifPlain, inner }: PlannedField, sent: Member | undefined): void {
    if (inner.length === 0) return;
    for (const member of this.object.members) {
      if (!spellings.includes(member.key)) continue;
      if (this.isObject(member)) editObject(this.editing, member.start, inner, this.isRead && member === sent);
      else if (member !== sent && ifPlain !== undefined) this.replace(member, ifPlain);
    }
  }

  private addEdits(): void {
    const { members, open } = this.object;
    const { text, edits } = this.editing;
    const { removed, added } = this;
    if (removed !== undefined) {
      const ranges = members.map(({ end }, index): Range => ({ start: keyStart(text, this.object, index), end }));
      // One by one: a hostile body may have more of them than a call takes arguments.
      for (const edit of withoutElements(ranges, (index) => removed.has(index))) edits.push(edit);
    }
    if (added === "") return;
    const isFirst = members.length === (removed?.size ?? 0);
    const at = members.at(-1)?.end ?? open;
    edits.push({ start: at, end: at, text: isFirst ? added.slice(1) : added });
  }
}

function editObject(editing: Editing, start: number, fields: readonly PlannedField[], isRead: boolean): void {
  new ObjectEditor(editing, start, isRead).edit(fields);
}

const plans = new WeakMap<ParameterRules, Partial<Record<ProtocolId, Plan>>>();

/** Rules come with the configuration, bodies with every request. */
function knownPlan(rules: ParameterRules, protocol: ProtocolId): Plan {
  let known = plans.get(rules);
  if (known === undefined) plans.set(rules, (known = {}));
  return (known[protocol] ??= planOf(rules, protocol));
}

/**
 * The body of a request (latin1) as an upstream that speaks `protocol` shall get it: what is to be removed is taken out,
 * then defaults are filled in where the client sent none (or null), then overrides are set. All other bytes stay as they
 * are. A text that is no JSON object comes back as it is.
 */
export function withParameters(body: string, protocol: ProtocolId, rules: ParameterRules): string {
  const plan = knownPlan(rules, protocol);
  if (plan.fields.length === 0) return body;
  const edits: JsonEdit[] = [];
  try {
    editObject({ text: body, plan, edits }, skipSpace(body, 0), plan.fields, true);
  } catch (error) {
    if (error instanceof JsonScanError) return body;
    throw error;
  }
  return applyEdits(body, edits);
}
