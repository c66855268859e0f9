import { applyEdits, type JsonEdit } from "../../lib/json-edit.ts";
import { mayBeDeeper, scanDocument, skipSpace } from "../../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import { createEventSplitter, dataOf, type EventData } from "../../lib/sse.ts";
import { newObservation, type EditorOptions, type StreamEditor, type StreamStep } from "../protocol.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { answerBytesOf } from "./answer-bytes.ts";
import { modelRanges } from "./model-ranges.ts";
import { failureOf, hasContent, hasFinish, observe, type Answer } from "./observe.ts";

/** Tool arguments and inline images need mebibytes; beyond this an event is an attack or a fault. */
const largestEvent = 4 * 1024 * 1024;
const deepestChunk = 1000;

/** Whether a word stands in an event as anything but a key of null or of an empty text: a search, not a parse. */
function mentions(event: string, word: string, from: number): boolean {
  for (let at = event.indexOf(word, from); at !== -1; at = event.indexOf(word, at + word.length)) {
    const colon = skipSpace(event, at + word.length);
    // As a value it may tell as much: `"object":"error"`.
    if (event.charCodeAt(colon) !== 0x3a) return true;
    const value = skipSpace(event, colon + 1);
    if (!event.startsWith("null", value) && !event.startsWith('""', value)) return true;
  }
  return false;
}

/** Whether an event may say something that has to be read, from a position on. A false alarm only costs a parse. */
function isTelling(event: string, from: number): boolean {
  return (
    mentions(event, '"finish_reason"', from) || mentions(event, '"usage"', from) || mentions(event, '"error"', from)
  );
}

function hasObject(event: string): boolean {
  return event.startsWith("data: {") || event.startsWith("data:{");
}

function parseChunk(text: string): Answer | undefined {
  try {
    if (mayBeDeeper(text, deepestChunk)) scanDocument(text, deepestChunk);
    const value: unknown = JSON.parse(utf8OfLatin1(text));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function modelEdits(data: EventData, chunk: Answer, shown: string): JsonEdit[] {
  try {
    return modelRanges(data.text, chunk.model, deepestChunk).map(({ start, end }) => ({
      start: data.position(start),
      end: data.position(end - 1) + 1,
      text: shown,
    }));
  } catch {
    return [];
  }
}

function isDone(data: EventData): boolean {
  return data.text.trim() === "[DONE]";
}

/** Whether the data of an event that was not ended is all there. */
function isWhole(data: EventData): boolean {
  return isDone(data) || parseChunk(data.text) !== undefined;
}

function isUsageOnly(chunk: Answer): boolean {
  const { choices, usage } = chunk;
  return Array.isArray(choices) && choices.length === 0 && typeof usage === "object" && usage !== null;
}

/** What is missing of an event's blank line. */
function blankLine(event: string): string {
  return event.endsWith("\n") ? "\n" : "\n\n";
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

  /** An event that tells nothing new, as it goes to the client; `undefined` when it has to be parsed. */
  function unread(event: string): string | undefined {
    if (!committed || observation.text.length < textLimit || observation.upstreamId === undefined) return undefined;
    const output = shown === undefined ? event : known(event);
    if (output === undefined || !hasObject(event)) return undefined;
    return isTelling(event, knownStart?.from.length ?? 0) ? undefined : output;
  }

  function withModel(event: string, data: EventData, chunk: Answer): string {
    if (shown === undefined) return event;
    const edits = modelEdits(data, chunk, shown);
    const edit = edits[0];
    if (edit === undefined) return event;
    const from = event.slice(0, edit.end);
    if (edits.length === 1 && !isTelling(from, 0)) knownStart = { from, to: event.slice(0, edit.start) + shown };
    return applyEdits(event, edits);
  }

  function known(event: string): string | undefined {
    if (knownStart === undefined || !event.startsWith(knownStart.from)) return undefined;
    // This event may have another model behind its first.
    if (event.includes('"model"', knownStart.from.length)) return undefined;
    return knownStart.to + event.slice(knownStart.from.length);
  }

  function done(event: string): StreamStep {
    // An end with nothing before it is no answer.
    isComplete ||= committed;
    isEnded = true;
    return { output: event, failure: undefined };
  }

  function look(event: string, data: EventData): StreamStep {
    const chunk = parseChunk(data.text);
    if (chunk === undefined) return { output: event, failure: undefined };
    observe(observation, chunk, textLimit);
    observation.answerBytes += answerBytesOf(data.text, 0);
    const failure = failureOf(chunk);
    if (failure !== undefined) return { output: "", failure };
    if (hasContent(chunk)) {
      committed = true;
      observation.contentEvents += 1;
    } else if (hasFinish(chunk)) committed = true;
    if (observation.finishReason !== undefined) isComplete = true;
    if (hideUsage && isUsageOnly(chunk)) return nothing;
    return { output: known(event) ?? withModel(event, data, chunk), failure: undefined };
  }

  function step(event: string): StreamStep {
    if (isEnded) return nothing;
    const output = unread(event);
    if (output !== undefined) {
      observation.contentEvents += 1;
      observation.answerBytes += answerBytesOf(event, knownStart?.from.length ?? 0);
      return { output, failure: undefined };
    }
    const data = dataOf(event);
    if (data === undefined) return { output: event, failure: undefined };
    if (isDone(data)) return done(event);
    return look(event, data);
  }

  function run(events: readonly string[]): StreamStep {
    if (events.length === 1) return step(events[0] ?? "");
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
      if (isEnded) return nothing;
      const result = run(splitter.push(chunk));
      if (result.failure !== undefined || isEnded || splitter.waiting() <= largestEvent) return result;
      const message = `The upstream sent an event of more than ${largestEvent} bytes.`;
      return {
        output: result.output,
        failure: invalidAnswer(message),
      };
    },
    end() {
      const rest = splitter.rest();
      if (isEnded) return nothing;
      const data = dataOf(rest);
      // Half an event, or a comment, would merge with whatever is written behind it.
      if (data === undefined || !isWhole(data)) return { output: rest.trim() === "" ? rest : "", failure: undefined };
      const { output, failure } = step(rest);
      return { output: output === "" ? "" : output + blankLine(rest), failure };
    },
  };
}
