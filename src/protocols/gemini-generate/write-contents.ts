import { invalidRequest } from "../../errors.ts";
import type { Part, ToolCallPart, ToolResultPart, Turn } from "../canonical/conversation.ts";
import { isSystemTurn, systemReminder } from "../canonical/turns.ts";
import { isFields, type Fields } from "../fields.ts";
import { lose, type Encoding } from "./encoding.ts";
import { mediaPart } from "./write-media.ts";
import { modelParts } from "./write-model-parts.ts";
import { resultParts } from "./write-results.ts";

export interface WrittenContents {
  /** Texts of the instruction, empty when there is none. */
  system: string[];
  contents: Fields[];
}

interface Content {
  role: "user" | "model";
  parts: Fields[];
}

function textsOf({ parts }: Turn): string[] {
  return parts.flatMap((part) => (part.type === "text" && part.text !== "" ? [part.text] : []));
}

/** A part of a user's turn; results are written with their calls. */
function userPart(part: Part, encoding: Encoding): Fields[] {
  if (part.type === "tool_result") return [];
  if (part.type === "text" || part.type === "refusal") return part.text === "" ? [] : [{ text: part.text }];
  if (part.type === "image" || part.type === "audio" || part.type === "file") {
    const detail = part.type === "image" ? (part.detail ?? "auto") : "auto";
    if (detail !== "auto") lose(encoding, `${encoding.list} (detail of an image)`);
    return [mediaPart(part, encoding)];
  }
  if (part.type === "opaque" && part.protocol === "gemini-generate" && isFields(part.value)) return [part.value];
  lose(encoding, `${encoding.list} (${part.type})`);
  return [];
}

function userParts(turn: Turn, encoding: Encoding): Fields[] {
  if (!isSystemTurn(turn)) return turn.parts.flatMap((part) => userPart(part, encoding));
  // There is one instruction, before everything: what comes later can only be marked.
  return textsOf(turn).map((text) => ({ text: systemReminder(text) }));
}

function callsOf(turns: readonly Turn[]): ToolCallPart[] {
  return turns.flatMap(({ parts }) => parts).filter((part) => part.type === "tool_call");
}

function resultsOf(turns: readonly Turn[]): ToolResultPart[] {
  return turns.flatMap(({ parts }) => parts).filter((part) => part.type === "tool_result");
}

/** The end of a run of turns that are (or are not) the model's. */
function endOfRun(turns: readonly Turn[], from: number, isModel: boolean): number {
  let end = from;
  while (end < turns.length && (turns[end]?.role === "assistant") === isModel) end += 1;
  return end;
}

function addContent(contents: Content[], role: Content["role"], parts: readonly Fields[]): void {
  if (parts.length === 0) return;
  const last = contents.at(-1);
  if (last?.role === role) last.parts = [...last.parts, ...parts];
  else contents.push({ role, parts: [...parts] });
}

function writeTurns(turns: readonly Turn[], from: number, encoding: Encoding): Content[] {
  const contents: Content[] = [];
  for (let at = from; at < turns.length;) {
    const answersFrom = endOfRun(turns, at, true);
    const end = endOfRun(turns, answersFrom, false);
    const model = turns.slice(at, answersFrom);
    const answers = turns.slice(answersFrom, end);
    const said = model.flatMap(({ parts }) => parts);
    addContent(contents, "model", modelParts(said, encoding));
    const isLast = end === turns.length && answers.length === 0;
    addContent(contents, "user", resultParts({ calls: callsOf(model), results: resultsOf(answers), isLast }, encoding));
    for (const turn of answers) addContent(contents, "user", userParts(turn, encoding));
    at = end;
  }
  return contents;
}

/** Turns as contents: user and model in turns, the user first, the results of a turn's calls in one content. */
export function writeContents(turns: readonly Turn[], encoding: Encoding): WrittenContents {
  const first = turns.findIndex((turn) => !isSystemTurn(turn));
  const leading = first === -1 ? turns.length : first;
  const system = turns.slice(0, leading).flatMap(textsOf);
  const contents = writeTurns(turns, leading, encoding);
  // A request needs something of the user's.
  if (contents.length === 0) {
    if (system.length === 0)
      throw invalidRequest(`\`${encoding.list}\` says nothing; send at least one text.`, encoding.list);
    return { system: [], contents: [{ role: "user", parts: system.map((text) => ({ text })) }] };
  }
  if (contents[0]?.role === "model") {
    lose(encoding, "the first turn", "the user has to begin; a turn was put before it");
    contents.unshift({ role: "user", parts: [{ text: "(continue)" }] });
  }
  return { system, contents: contents.map(({ role, parts }) => ({ role, parts })) };
}
