import type { Opaque } from "../canonical/conversation.ts";
import type { StreamEvent, StreamPart } from "../canonical/stream.ts";

/** A part of the answer, as long as it may still grow. */
export interface Segment {
  readonly part: StreamPart;
  /** `undefined` before its start is told. */
  index: number | undefined;
  state: "new" | "waiting" | "open" | "closed";
  /** What came while another part had to end first. */
  held: string;
  heldStates: Opaque[];
  /** It ends as soon as what it holds back is told. */
  isStopped: boolean;
}

/** Brings what upstreams say of several items at once into the order that a stream of parts has: one after another. */
export interface PartSequence {
  segment(part: StreamPart): Segment;
  /** Begins a part that may stay empty. */
  start(segment: Segment): void;
  append(segment: Segment, text: string): void;
  seal(segment: Segment, state: Opaque): void;
  stop(segment: Segment): void;
  stopAll(): void;
}

/**
 * A text that is interrupted ends there and goes on as a further part. A call that is interrupted must stay whole: what
 * comes meanwhile waits for its end.
 */
export function createPartSequence(emit: (event: StreamEvent) => void): PartSequence {
  let count = 0;
  let open: Segment | undefined;
  let waiting: Segment[] = [];

  function begin(segment: Segment): void {
    segment.index = count;
    segment.state = "open";
    open = segment;
    emit({ type: "part-start", index: count, part: segment.part });
    count += 1;
  }

  function end(segment: Segment): void {
    segment.state = "closed";
    open = undefined;
    emit({ type: "part-stop", index: segment.index ?? 0 });
  }

  function tell(segment: Segment): void {
    const index = segment.index ?? 0;
    if (segment.held !== "") emit({ type: "part-delta", index, text: segment.held });
    for (const opaque of segment.heldStates) emit({ type: "part-opaque", index, opaque });
    segment.held = "";
    segment.heldStates = [];
  }

  /** What waited for a call, now that it has ended. */
  function release(): void {
    while (open === undefined) {
      const next = waiting.shift();
      if (next === undefined) return;
      begin(next);
      tell(next);
      const mustEnd = next.isStopped || (waiting.length > 0 && next.part.type !== "tool_call");
      if (mustEnd) end(next);
    }
  }

  /** Whether the segment is open now. */
  function enter(segment: Segment): boolean {
    if (segment.state === "open") return true;
    if (segment.state === "waiting") return false;
    if (segment.state === "closed" && segment.part.type === "tool_call") return false;
    if (open?.part.type === "tool_call") {
      segment.state = "waiting";
      segment.isStopped = false;
      waiting.push(segment);
      return false;
    }
    if (open !== undefined) end(open);
    begin(segment);
    return true;
  }

  return {
    segment: (part) => ({ part, index: undefined, state: "new", held: "", heldStates: [], isStopped: false }),
    start: (segment) => void enter(segment),
    append(segment, text) {
      if (text === "") return;
      if (enter(segment)) emit({ type: "part-delta", index: segment.index ?? 0, text });
      else if (segment.state === "waiting") segment.held += text;
    },
    seal(segment, opaque) {
      if (enter(segment)) emit({ type: "part-opaque", index: segment.index ?? 0, opaque });
      else if (segment.state === "waiting") segment.heldStates.push(opaque);
    },
    stop(segment) {
      segment.isStopped = true;
      if (segment.state !== "open") return;
      end(segment);
      release();
    },
    stopAll() {
      if (open !== undefined) end(open);
      for (const segment of waiting) segment.isStopped = true;
      release();
    },
  };
}
