import type { StreamEvent } from "../../src/protocols/canonical/stream.ts";

/** What is wrong with the order of a decoder's events; empty = they keep the grammar of `StreamEvent`. */
export function grammarProblems(events: readonly StreamEvent[]): string[] {
  const problems: string[] = [];
  let open: number | undefined;
  let parts = 0;
  let hasState = false;
  let hasStarted = false;
  let isOver = false;
  for (const event of events) {
    if (isOver) problems.push(`${event.type} behind the end`);
    if (!hasStarted && event.type !== "start" && event.type !== "error") problems.push(`${event.type} before start`);
    switch (event.type) {
      case "start":
        if (hasStarted) problems.push("a second start");
        hasStarted = true;
        break;
      case "part-start":
        if (open !== undefined) problems.push(`part ${event.index} begins within part ${open}`);
        if (event.index !== parts) problems.push(`part ${event.index} comes as number ${parts}`);
        open = event.index;
        parts += 1;
        hasState = false;
        break;
      case "part-delta":
        if (event.index !== open) problems.push(`a delta of part ${event.index} while ${open ?? "none"} is open`);
        if (event.text === "") problems.push("an empty delta");
        if (hasState) problems.push(`a delta of part ${event.index} behind its state`);
        break;
      case "part-opaque":
        if (event.index !== open) problems.push(`state of part ${event.index} while ${open ?? "none"} is open`);
        hasState = true;
        break;
      case "part-stop":
        if (event.index !== open) problems.push(`part ${event.index} ends while ${open ?? "none"} is open`);
        open = undefined;
        break;
      case "finish":
        if (open !== undefined) problems.push(`finish within part ${open}`);
        isOver = true;
        break;
      case "error":
        isOver = true;
        break;
      case "usage":
      case "logprobs":
        break;
    }
  }
  return problems;
}
