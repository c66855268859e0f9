import type {
  Answer,
  Conversation,
  Opaque,
  Part,
  ReasoningPart,
  ToolCallPart,
  Turn,
} from "../protocols/canonical/conversation.ts";
import type { StreamEvent } from "../protocols/canonical/stream.ts";
import { createReasoningCollector, inputMark, type Remembered } from "./reasoning-collector.ts";

export type { Remembered } from "./reasoning-collector.ts";

/** What upstreams want back of their thoughts, for clients whose protocol or code drops it. */
export interface ReasoningMemory {
  remember(key: string, value: Remembered): void;
  recall(key: string): Remembered | undefined;
}

const defaultBytes = 32 * 1024 * 1024;
/** An entry's key, objects and place in the map. */
const entryBytes = 300;
/** A text with one character beyond Latin takes two bytes for each. */
const characterBytes = 2;

function opaqueBytes(states: readonly Opaque[]): number {
  return states.reduce((sum, { data, origin }) => sum + data.length + origin.length, 0);
}

function bytesOf(key: string, { reasoning, callOpaque = [] }: Remembered): number {
  const texts = reasoning.reduce((sum, { text, opaque }) => sum + text.length + opaqueBytes(opaque), 0);
  return entryBytes + characterBytes * (key.length + texts + opaqueBytes(callOpaque));
}

/** Forgets what was longest not asked for when it is full. */
export function createReasoningMemory({ maxBytes = defaultBytes }: { maxBytes?: number } = {}): ReasoningMemory {
  const kept = new Map<string, { value: Remembered; bytes: number }>();
  let total = 0;

  function drop(key: string): void {
    const entry = kept.get(key);
    if (entry === undefined) return;
    kept.delete(key);
    total -= entry.bytes;
  }

  return {
    remember(key, value) {
      drop(key);
      const bytes = bytesOf(key, value);
      if (bytes > maxBytes) return;
      for (const oldest of kept.keys()) {
        if (total + bytes <= maxBytes) break;
        drop(oldest);
      }
      kept.set(key, { value, bytes });
      total += bytes;
    },
    recall(key) {
      const entry = kept.get(key);
      if (entry === undefined) return undefined;
      kept.delete(key);
      kept.set(key, entry);
      return entry.value;
    },
  };
}

/** Of one caller and one kind; no caller's id can be read as another's. */
function keyOf(kind: "call" | "reference", keyId: string, id: string): string {
  return `${kind} ${keyId.length} ${keyId} ${id}`;
}

export interface ReasoningObserver {
  /** The next event of a stream, in its order. What it holds is remembered with its `finish`. */
  see(event: StreamEvent): void;
  /** A reasoning part of the stream, by its index, shall be found under `id` too. */
  reference(id: string, partIndex: number): void;
  /** An answer in one piece; `references`: id → index among its parts. */
  seeAnswer(answer: Answer, references?: ReadonlyMap<string, number>): void;
}

/** Watches one answer for a caller. */
export function createReasoningObserver(memory: ReasoningMemory, keyId: string): ReasoningObserver {
  const collector = createReasoningCollector();
  const wanted = new Map<string, number>();

  function rememberAll(): void {
    for (const [id, value] of collector.calls()) memory.remember(keyOf("call", keyId, id), value);
    for (const [id, index] of wanted) {
      const part = collector.reasoningAt(index);
      if (part !== undefined) memory.remember(keyOf("reference", keyId, id), { reasoning: [part] });
    }
  }

  return {
    see(event) {
      collector.see(event);
      if (event.type === "finish") rememberAll();
    },
    reference: (id, partIndex) => void wanted.set(id, partIndex),
    seeAnswer({ parts }, references) {
      for (const [index, part] of parts.entries()) collector.add(part, index);
      for (const [id, index] of references ?? []) wanted.set(id, index);
      rememberAll();
    },
  };
}

function isReference({ kind }: Opaque): boolean {
  return kind === "reference";
}

/** Reasoning with state that an upstream can read: there is nothing to restore. */
function isWhole(part: Part): boolean {
  return part.type === "reasoning" && part.opaque.some((state) => !isReference(state));
}

/** Assistant turns that follow each other: some clients send one answer as several. */
interface Run {
  /** The client sent whole reasoning itself. */
  isWhole: boolean;
  /** What was remembered and stands in it: calls of one answer share their reasoning. */
  placed: Set<ReasoningPart>;
}

/** The parts of a turn, put together anew. */
interface Draft {
  /** In front of everything. */
  front: Part[];
  parts: Part[];
  /** Reasoning that calls brought. */
  added: Set<Part>;
  isChanged: boolean;
}

class Restorer {
  private readonly memory: ReasoningMemory;
  private readonly keyId: string;

  constructor(memory: ReasoningMemory, keyId: string) {
    this.memory = memory;
    this.keyId = keyId;
  }

  turn(turn: Turn, run: Run): Turn {
    run.isWhole ||= turn.parts.some(isWhole);
    const parts = this.references(turn.parts, run);
    const restored = this.calls(parts, run);
    return restored === turn.parts ? turn : { ...turn, parts: restored };
  }

  /** Reasoning parts that are only named, replaced by what they name; of an unknown one the text stays. */
  private references(parts: readonly Part[], run: Run): readonly Part[] {
    if (!parts.some((part) => part.type === "reasoning" && part.opaque.some(isReference))) return parts;
    const brought = this.broughtByCalls(parts, run);
    return parts.flatMap((part): readonly Part[] =>
      part.type === "reasoning" ? this.named(part, run, brought) : [part],
    );
  }

  /** Clients name one of many thoughts; calls bring all of them, and each to its place. */
  private broughtByCalls(parts: readonly Part[], run: Run): ReadonlySet<ReasoningPart> {
    if (run.isWhole) return new Set();
    return new Set(parts.flatMap((part) => (part.type === "tool_call" ? (this.callOf(part)?.reasoning ?? []) : [])));
  }

  private named(part: ReasoningPart, { placed }: Run, brought: ReadonlySet<ReasoningPart>): readonly ReasoningPart[] {
    const reference = part.opaque.find(isReference);
    if (reference === undefined) return [part];
    const known = this.memory.recall(keyOf("reference", this.keyId, reference.data));
    if (known !== undefined) {
      const whole = known.reasoning.filter((thought) => !brought.has(thought));
      for (const thought of whole) placed.add(thought);
      return whole;
    }
    const opaque = part.opaque.filter((state) => !isReference(state));
    return part.text === "" && opaque.length === 0 ? [] : [{ ...part, opaque }];
  }

  /** What was remembered of a call. Ids may repeat in other conversations: then the input differs. */
  private callOf({ id, input }: ToolCallPart): Remembered | undefined {
    const known = this.memory.recall(keyOf("call", this.keyId, id));
    if (known?.input !== undefined && known.input !== inputMark(input)) return undefined;
    return known;
  }

  /** Calls with their own state, and in front of them the reasoning they followed unless it is there. */
  private calls(parts: readonly Part[], run: Run): readonly Part[] {
    const draft: Draft = { front: [], parts: [], added: new Set(), isChanged: false };
    for (const part of parts) {
      if (part.type !== "tool_call" || (run.isWhole && !isBare(part))) {
        draft.parts.push(part);
        continue;
      }
      const known = this.callOf(part);
      if (known !== undefined && !run.isWhole) place(known, run, draft);
      draft.parts.push(withState(part, known, draft));
    }
    return draft.isChanged ? withoutDoubles(draft, run) : parts;
  }
}

function place({ reasoning, leading = 0 }: Remembered, { placed }: Run, draft: Draft): void {
  for (const [index, part] of reasoning.entries()) {
    if (placed.has(part)) continue;
    placed.add(part);
    draft.added.add(part);
    draft.isChanged = true;
    const target = index < leading ? draft.front : draft.parts;
    target.push(part);
  }
}

function isBare({ opaque }: ToolCallPart): boolean {
  return opaque === undefined || opaque.length === 0;
}

function withState(part: ToolCallPart, known: Remembered | undefined, draft: Draft): ToolCallPart {
  if (!isBare(part) || known?.callOpaque === undefined) return part;
  draft.isChanged = true;
  return { ...part, opaque: known.callOpaque };
}

/** The client's own text of the thoughts gives way to whole ones; where no state was kept, its text is as good as ours. */
function withoutDoubles({ front, parts, added }: Draft, { placed }: Run): readonly Part[] {
  const all = [...front, ...parts];
  const isOwn = (part: Part): boolean => part.type === "reasoning" && !placed.has(part);
  if ([...added].some(isWhole)) return all.filter((part) => !isOwn(part));
  const hasOwnText = all.some((part) => part.type === "reasoning" && part.text !== "" && !placed.has(part));
  return hasOwnText ? all.filter((part) => !added.has(part)) : all;
}

/**
 * A conversation with the reasoning that the gateway remembers and its client did not send back: what only this caller's
 * answers held. The conversation itself is not changed.
 */
export function restoreReasoning(conversation: Conversation, memory: ReasoningMemory, keyId: string): Conversation {
  const restorer = new Restorer(memory, keyId);
  let run: Run | undefined;
  const turns = conversation.turns.map((turn) => {
    if (turn.role !== "assistant") {
      run = undefined;
      return turn;
    }
    run ??= { isWhole: false, placed: new Set() };
    return restorer.turn(turn, run);
  });
  const isSame = turns.every((turn, index) => turn === conversation.turns[index]);
  return isSame ? conversation : { ...conversation, turns };
}
