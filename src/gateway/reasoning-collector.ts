import type { Opaque, Part, ReasoningPart } from "../protocols/canonical/conversation.ts";
import type { StreamEvent } from "../protocols/canonical/stream.ts";

/** What is remembered under a tool call's id, or under a reference. */
export interface Remembered {
  reasoning: readonly ReasoningPart[];
  /** State of the call itself. */
  callOpaque?: readonly Opaque[] | undefined;
  /** How many of `reasoning` stood in front of everything else. */
  leading?: number | undefined;
  /** `inputMark` of the call's input. */
  input?: string | undefined;
}

/** More than any answer has: what a broken upstream sends beyond it is not gathered. */
const mostCharacters = 16 * 1024 * 1024;

/** Deeper than any tool's arguments; writing endlessly deep values takes most of a second before it fails. */
const deepest = 32;

function sorted(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === deepest) return null;
  if (Array.isArray(value)) return value.map((inner: unknown) => sorted(inner, depth + 1));
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner, depth + 1)]));
}

/** Upstreams without free-text tools are given a function with this one text; the client knows the text alone. */
function unwrapped(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("input" in value) || typeof value.input !== "string")
    return undefined;
  return Object.keys(value).length === 1 ? value.input : undefined;
}

function canonical(input: string, mayUnwrap: boolean): string {
  const text = input.trim();
  try {
    const value: unknown = JSON.parse(text === "" ? "{}" : text);
    const inner = mayUnwrap ? unwrapped(value) : undefined;
    return inner === undefined ? JSON.stringify(sorted(value)) : canonical(inner, false);
  } catch {
    // Free text or broken JSON: then its characters.
    return text;
  }
}

/** The same for inputs that mean the same: clients hold them as objects and write them anew. */
export function inputMark(input: string): string {
  return Bun.hash(canonical(input, true)).toString(36);
}

interface OpenPart {
  index: number;
  /** Undefined for parts that only have a place. */
  kind: "reasoning" | "tool_call" | undefined;
  id: string;
  isSummary: boolean | undefined;
  pieces: string[];
  opaque: Opaque[];
}

interface Call {
  id: string;
  input: string;
  opaque: readonly Opaque[];
  /** How much of the reasoning came before it. */
  before: number;
}

/** Gathers the reasoning and the calls of one answer, from events or whole parts. */
export interface ReasoningCollector {
  see(event: StreamEvent): void;
  add(part: Part, index: number): void;
  /** What is worth remembering under each call's id. */
  calls(): Iterable<[id: string, value: Remembered]>;
  reasoningAt(index: number): ReasoningPart | undefined;
}

export function createReasoningCollector(): ReasoningCollector {
  const reasoning: ReasoningPart[] = [];
  const byIndex = new Map<number, ReasoningPart>();
  const calls: Call[] = [];
  let leading: number | undefined;
  let open: OpenPart | undefined;
  let characters = 0;

  function addReasoning(part: ReasoningPart, index: number): void {
    if (part.text === "" && part.opaque.length === 0) return;
    byIndex.set(index, part);
    reasoning.push(part);
  }

  function addCall(call: Omit<Call, "before">): void {
    calls.push({ ...call, before: reasoning.length });
  }

  function start({ part, index }: Extract<StreamEvent, { type: "part-start" }>): void {
    if (part.type !== "reasoning") leading ??= reasoning.length;
    const isNeeded = part.type === "reasoning" || part.type === "tool_call";
    open = {
      index,
      kind: isNeeded ? part.type : undefined,
      id: part.type === "tool_call" ? part.id : "",
      isSummary: part.type === "reasoning" ? part.isSummary : undefined,
      pieces: [],
      opaque: [],
    };
  }

  function stop(): void {
    if (open === undefined) return;
    const { index, kind, id, isSummary, pieces, opaque } = open;
    open = undefined;
    if (kind === "reasoning") addReasoning({ type: "reasoning", text: pieces.join(""), isSummary, opaque }, index);
    if (kind === "tool_call") addCall({ id, input: pieces.join(""), opaque });
  }

  return {
    see(event) {
      switch (event.type) {
        case "part-start":
          start(event);
          return;
        case "part-delta":
          if (open?.kind === undefined) return;
          characters += event.text.length;
          if (characters <= mostCharacters) open.pieces.push(event.text);
          return;
        case "part-opaque":
          characters += event.opaque.data.length;
          if (characters <= mostCharacters) open?.opaque.push(event.opaque);
          return;
        case "part-stop":
          stop();
          return;
        case "start":
        case "usage":
        case "logprobs":
        case "finish":
        case "error":
      }
    },
    add(part, index) {
      if (part.type === "reasoning") {
        addReasoning(part, index);
        return;
      }
      leading ??= reasoning.length;
      if (part.type === "tool_call") addCall({ id: part.id, input: part.input, opaque: part.opaque ?? [] });
    },
    *calls() {
      // Half of an answer is worse than none.
      if (characters > mostCharacters) return;
      for (const { id, input, opaque, before } of calls) {
        if (id === "" || (before === 0 && opaque.length === 0)) continue;
        yield [
          id,
          {
            reasoning: reasoning.slice(0, before),
            callOpaque: opaque.length === 0 ? undefined : opaque,
            leading: Math.min(leading ?? 0, before),
            input: inputMark(input),
          },
        ];
      }
    },
    reasoningAt: (index) => (characters > mostCharacters ? undefined : byIndex.get(index)),
  };
}
