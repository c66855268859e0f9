import type { GatewayError } from "../errors.ts";
import { applyEdits, type JsonEdit } from "../lib/json-edit.ts";
import { scanDocument, scanMembers, type ScannedObject } from "../lib/json-scan.ts";
import { latin1OfUtf8 } from "../lib/latin1.ts";
import { createEventSplitter, dataOf } from "../lib/sse.ts";
import type { Fields } from "./fields.ts";
import { parseMessage } from "./json-message.ts";
import {
  newObservation,
  type EditorOptions,
  type Observation,
  type StreamEditor,
  type StreamStep,
} from "./protocol.ts";
import { invalidAnswer } from "./upstream-error.ts";

const largestEvent = 4 * 1024 * 1024;
const deepestEvent = 1000;

/** What one message of a stream means. */
export interface Look {
  /** Something of the answer itself is in it. */
  hasContent: boolean;
  /** It only ends the answer: the client is told, but there was nothing in it. */
  isOnlyEnd?: boolean | undefined;
  /** The answer is whole with it. */
  isComplete?: boolean;
  /** Nothing may follow it. */
  isEnded?: boolean;
  failure?: GatewayError | undefined;
}

/** What a same-lane editor must know of a protocol. */
export interface EventReader {
  /** Adds what a message says to the observation. */
  look(message: Fields, observation: Observation, textLimit: number): Look;
  /** Where a message names the model: paths of keys from its top. */
  modelPaths: readonly (readonly string[])[];
  /** The ending of a stream that broke. */
  fail(error: GatewayError): string;
}

/** One message of a stream: the text between its neighbours, and where in it the JSON stands. */
export interface Framed {
  text: string;
  json: string;
  /** Position in `text` of a position in `json`. */
  position(offset: number): number;
}

export interface Framer {
  push(chunk: string): (Framed | string)[];
  end(): (Framed | string)[];
  waiting(): number;
}

function framedEvent(event: string): Framed | string {
  const data = dataOf(event);
  return data === undefined ? event : { text: event, json: data.text, position: (offset) => data.position(offset) };
}

/** Server-sent events. */
export function createEventFramer(): Framer {
  const splitter = createEventSplitter();
  return {
    push: (chunk) => splitter.push(chunk).map(framedEvent),
    end() {
      const rest = splitter.rest();
      if (rest.trim() === "") return [];
      const framed = framedEvent(rest);
      // Half an event would merge with whatever is written behind it.
      if (typeof framed === "string" || parseMessage(framed.json) === undefined) return [];
      return [{ ...framed, text: rest + (rest.endsWith("\n") ? "\n" : "\n\n") }];
    },
    waiting: () => splitter.waiting(),
  };
}

function framedLine(line: string): Framed | string {
  return line.trim() === "" ? line : { text: line, json: line, position: (offset) => offset };
}

/** One JSON value a line. */
export function createLineFramer(): Framer {
  let held = "";
  return {
    push(chunk) {
      const from = held.length;
      held += chunk;
      const lines: (Framed | string)[] = [];
      let at = 0;
      for (let end = held.indexOf("\n", from); end !== -1; end = held.indexOf("\n", at)) {
        lines.push(framedLine(held.slice(at, end + 1)));
        at = end + 1;
      }
      held = held.slice(at);
      return lines;
    },
    end() {
      const rest = held;
      held = "";
      if (rest.trim() === "" || parseMessage(rest) === undefined) return [];
      return [framedLine(`${rest}\n`)];
    },
    waiting: () => held.length,
  };
}

function rangesAt(json: string, object: ScannedObject, path: readonly string[]): { start: number; end: number }[] {
  const [key, ...rest] = path;
  const members = object.members.filter((member) => member.key === key);
  if (rest.length === 0) return members.filter(({ start }) => json[start] === '"');
  return members
    .filter(({ start }) => json[start] === "{")
    .flatMap(({ start }) => rangesAt(json, scanMembers(json, start, Number.MAX_SAFE_INTEGER), rest));
}

/** Edits that put another name where a JSON object names its model. */
export function modelEditsAt(json: string, paths: EventReader["modelPaths"], shown: string): JsonEdit[] {
  if (!paths.some((path) => json.includes(`"${path.at(-1) ?? ""}"`)) && !json.includes(String.raw`\u00`)) return [];
  const object = scanDocument(json, deepestEvent);
  return paths.flatMap((path) => rangesAt(json, object, path)).map(({ start, end }) => ({ start, end, text: shown }));
}

const nothing: StreamStep = { output: "", failure: undefined };

export interface EventEditorOptions extends EditorOptions {
  reader: EventReader;
  framer: Framer;
}

/** Same lane: the model's name rewritten where the protocol has one, everything else byte for byte. */
export function createEventEditor({ reader, framer, modelShown, textLimit }: EventEditorOptions): StreamEditor {
  const observation = newObservation();
  const shown = modelShown === undefined ? undefined : latin1OfUtf8(JSON.stringify(modelShown));
  let committed = false;
  let isComplete = false;
  let isEnded = false;

  function edited(framed: Framed): string {
    if (shown === undefined) return framed.text;
    const edits = modelEditsAt(framed.json, reader.modelPaths, shown).map(({ start, end, text }) => ({
      start: framed.position(start),
      end: framed.position(end - 1) + 1,
      text,
    }));
    return applyEdits(framed.text, edits);
  }

  function step(framed: Framed | string): StreamStep {
    if (isEnded) return nothing;
    if (typeof framed === "string") return { output: framed, failure: undefined };
    const message = parseMessage(framed.json);
    // What cannot be read is the client's to judge.
    if (message === undefined) return { output: framed.text, failure: undefined };
    const {
      hasContent,
      isOnlyEnd,
      isComplete: completes,
      isEnded: ends,
      failure,
    } = reader.look(message, observation, textLimit);
    if (failure !== undefined) return { output: "", failure };
    if (hasContent) {
      committed = true;
      if (isOnlyEnd !== true) observation.contentEvents += 1;
    }
    if (completes === true) isComplete = true;
    if (ends === true) isEnded = true;
    return { output: edited(framed), failure: undefined };
  }

  function run(messages: readonly (Framed | string)[]): StreamStep {
    let output = "";
    for (const message of messages) {
      const result = step(message);
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
    fail: (error) => reader.fail(error),
    push(chunk) {
      if (isEnded) return nothing;
      const result = run(framer.push(chunk));
      if (result.failure !== undefined || isEnded || framer.waiting() <= largestEvent) return result;
      const message = `The upstream sent an event of more than ${largestEvent} bytes.`;
      const failure = invalidAnswer(message);
      return { output: result.output, failure };
    },
    end: () => (isEnded ? nothing : run(framer.end())),
  };
}
