import { createId } from "../../lib/ids.ts";
import { fieldsOf, filledOf, type Fields } from "../fields.ts";
import { inputOf, signatureOf } from "./decode-messages.ts";
import { isWhole, type PartQueue, type QueuedCall } from "./part-queue.ts";

/** A delta of a call as it stands on the wire; every server leaves out something else. */
interface CallDelta {
  index: number | undefined;
  id: string | undefined;
  name: string | undefined;
  input: string;
}

function deltaOf(value: Fields, kind: "function" | "custom", position: number | undefined): CallDelta {
  const said = fieldsOf(value[kind]);
  const { index } = value;
  return {
    index: typeof index === "number" ? index : position,
    id: filledOf(value["id"]),
    name: filledOf(said["name"]),
    input: inputOf(said[kind === "custom" ? "input" : "arguments"]),
  };
}

/** Whether a delta that has a known call's id begins another one: some servers give all calls the same. */
function isAnother(call: QueuedCall, { name }: CallDelta): boolean {
  return name !== undefined && call.name !== undefined && (name !== call.name || isWhole(call));
}

/** Finds out which call a delta belongs to: by id, by index, or else by order. */
export class CallBook {
  /** Any call was seen. */
  hasCalls = false;
  readonly #queue: PartQueue;
  readonly #byIndex = new Map<number, QueuedCall>();
  readonly #byId = new Map<string, QueuedCall>();
  #last: QueuedCall | undefined;
  #legacy: QueuedCall | undefined;

  constructor(queue: PartQueue) {
    this.#queue = queue;
  }

  /** One entry of `tool_calls`; `position` stands for an index where entries are whole calls. */
  add(value: Fields, position?: number): void {
    const kind =
      value["type"] === "custom" || (value["function"] === undefined && value["custom"] !== undefined)
        ? "custom"
        : "function";
    const delta = deltaOf(value, kind, position);
    const call = this.#find(delta) ?? this.#begin(kind, delta);
    this.#last = call;
    if (delta.id !== undefined && call.id === undefined) this.#name(call, delta.id);
    call.name ??= delta.name;
    const signature = signatureOf(value);
    if (signature !== undefined) this.#queue.addSignature(call, signature);
    this.#queue.addInput(call, delta.input);
  }

  /** `function_call`, of before tools: there is one at most, and it has no id. */
  addLegacy(value: Fields): void {
    this.hasCalls = true;
    const call = (this.#legacy ??= this.#queue.newCall("function"));
    call.id ??= createId("call_");
    call.name ??= filledOf(value["name"]);
    this.#queue.addInput(call, inputOf(value["arguments"]));
  }

  #find(delta: CallDelta): QueuedCall | undefined {
    const { index, id, name } = delta;
    const known = id === undefined ? undefined : this.#byId.get(id);
    if (known !== undefined && isAnother(known, delta)) return undefined;
    if (index === undefined) return known ?? this.#withoutIndex(delta);
    const there = this.#byIndex.get(index);
    if (there === undefined) return known;
    // An index that is used again: for a call that is known, or for a new one.
    if (id !== undefined && there.id !== undefined && id !== there.id) return known;
    const isNext = id === undefined && name !== undefined && delta.input !== "" && isWhole(there);
    return isNext ? undefined : there;
  }

  /** An id or a name begins a call, unless the last one still lacks it. */
  #withoutIndex({ id, name }: CallDelta): QueuedCall | undefined {
    if (id === undefined && name === undefined) return this.#last;
    const last = this.#last;
    if (last === undefined) return undefined;
    const lacksId = id !== undefined && last.id === undefined && (name === undefined || last.name === undefined);
    const lacksName = id === undefined && last.name === undefined;
    return lacksId || lacksName ? last : undefined;
  }

  #begin(kind: "function" | "custom", { index }: CallDelta): QueuedCall {
    this.hasCalls = true;
    const call = this.#queue.newCall(kind);
    if (index !== undefined) this.#byIndex.set(index, call);
    return call;
  }

  /** Ids are unique in an answer; a second call with the same gets one made at its end. */
  #name(call: QueuedCall, id: string): void {
    if (this.#byId.has(id)) return;
    this.#byId.set(id, call);
    call.id = id;
  }
}
