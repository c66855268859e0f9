import { GatewayError } from "../../errors.ts";
import { applyEdits, type JsonEdit } from "../../lib/json-edit.ts";
import { scanMembers, skipSpace } from "../../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import { createEventSplitter, dataOf, type EventData } from "../../lib/sse.ts";
import type { EditorOptions, StreamEditor, StreamStep } from "../protocol.ts";
import { failureOf, hasContent, newObservation, observe, type Answer } from "./observe.ts";

/** Tool arguments and inline images need mebibytes; beyond this an event is an attack or a fault. */
const largestEvent = 4 * 1024 * 1024;
const deepestChunk = 1000;

/** Whether an event has `"key":` with anything but null: a search, not a parse. A false alarm only costs a parse. */
function mentions(event: string, key: string): boolean {
  for (let at = event.indexOf(key); at !== -1; at = event.indexOf(key, at + 1)) {
    const colon = skipSpace(event, at + key.length);
    if (event.charCodeAt(colon) !== 0x3a) continue;
    if (!event.startsWith("null", skipSpace(event, colon + 1))) return true;
  }
  return false;
}

function parseChunk(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(utf8OfLatin1(text));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function modelEdits(data: EventData, shown: string): JsonEdit[] {
  try {
    return scanMembers(data.text, skipSpace(data.text, 0), deepestChunk)
      .members.filter((member) => member.key === "model" && data.text[member.start] === '"')
      .map((member) => ({ start: data.position(member.start), end: data.position(member.end - 1) + 1, text: shown }));
  } catch {
    return [];
  }
}

function isUsageOnly(chunk: Answer): boolean {
  const { choices, usage } = chunk;
  return Array.isArray(choices) && choices.length === 0 && typeof usage === "object" && usage !== null;
}

const nothing: StreamStep = { output: "", failure: undefined };

/** Same lane, OpenAI chunks: `model` rewritten, the usage chunk hidden where nobody asked, the rest byte for byte. */
export function createChatStreamEditor({ modelShown, hideUsage, textLimit }: EditorOptions): StreamEditor {
  const splitter = createEventSplitter();
  const observation = newObservation();
  const shown = modelShown === undefined ? undefined : latin1OfUtf8(JSON.stringify(modelShown));
  // All chunks of a stream begin with the same bytes up to the model's name: one comparison replaces a scan.
  let knownStart: { from: string; to: string } | undefined;
  let committed = false;
  let isComplete = false;
  let isEnded = false;

  function needsParse(event: string): boolean {
    if (!committed || observation.text.length < textLimit || observation.upstreamId === undefined) return true;
    return mentions(event, '"usage"') || mentions(event, '"finish_reason"') || mentions(event, '"error"');
  }

  function withModel(event: string, data: EventData): string {
    if (shown === undefined) return event;
    const edits = modelEdits(data, shown);
    const edit = edits[0];
    if (edit === undefined) return event;
    if (edits.length === 1) {
      const before = event.slice(0, edit.start);
      knownStart = { from: event.slice(0, edit.end), to: before + edit.text };
    }
    return applyEdits(event, edits);
  }

  function known(event: string): string | undefined {
    if (knownStart === undefined || !event.startsWith(knownStart.from)) return undefined;
    return knownStart.to + event.slice(knownStart.from.length);
  }

  function done(event: string): StreamStep {
    isComplete = true;
    isEnded = true;
    return { output: event, failure: undefined };
  }

  function look(event: string, data: EventData): StreamStep {
    const chunk = parseChunk(data.text);
    if (chunk === undefined) return { output: event, failure: undefined };
    observe(observation, chunk, textLimit);
    const failure = failureOf(chunk);
    if (failure !== undefined) return { output: "", failure };
    if (hasContent(chunk)) {
      committed = true;
      observation.contentEvents += 1;
    }
    if (observation.finishReason !== undefined) isComplete = true;
    if (hideUsage && isUsageOnly(chunk)) return nothing;
    return { output: known(event) ?? withModel(event, data), failure: undefined };
  }

  function step(event: string): StreamStep {
    if (isEnded) return nothing;
    if (!needsParse(event)) {
      const output = shown === undefined ? event : known(event);
      if (output !== undefined) {
        observation.contentEvents += 1;
        return { output, failure: undefined };
      }
    }
    const data = dataOf(event);
    if (data === undefined) return { output: event, failure: undefined };
    if (data.text.trim() === "[DONE]") return done(event);
    return look(event, data);
  }

  function run(events: readonly string[]): StreamStep {
    let output = "";
    for (const event of events) {
      const result = step(event);
      output += result.output;
      if (result.failure !== undefined) return { output, failure: result.failure };
    }
    return { output, failure: undefined };
  }

  return {
    observation,
    hasContent: () => committed,
    isComplete: () => isComplete,
    isEnded: () => isEnded,
    push(chunk) {
      const result = run(splitter.push(chunk));
      if (result.failure !== undefined || splitter.waiting() <= largestEvent) return result;
      const message = `The upstream sent an event of more than ${largestEvent} bytes.`;
      return {
        output: result.output,
        failure: new GatewayError({ code: "upstream_invalid_response", status: 502, message }),
      };
    },
    end() {
      const rest = splitter.rest();
      if (rest.trim() === "") return { output: isEnded ? "" : rest, failure: undefined };
      const wasCut =
        !isComplete &&
        dataOf(rest) !== undefined &&
        dataOf(rest)?.text.trim() !== "[DONE]" &&
        parseChunk(dataOf(rest)?.text ?? "") === undefined;
      // Half an event before an error event would merge with it.
      if (wasCut) return nothing;
      return run([rest]);
    },
  };
}
