import { latin1OfUtf8 } from "../../lib/latin1.ts";
import { editAnswerOf, parseAnswer } from "../answer-edit.ts";
import type { Answer, Finish, Part } from "../canonical/conversation.ts";
import type { EventReader } from "../event-editor.ts";
import { filledOf, isFields, type Fields } from "../fields.ts";
import type { EditedAnswer, EditorOptions } from "../protocol.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { createCallReader } from "./decode-calls.ts";
import { failureOf } from "./error.ts";
import type { LineForm } from "./line-form.ts";
import { readUsage } from "./usage.ts";

function check(answer: unknown, form: LineForm): Fields {
  if (!isFields(answer)) throw invalidAnswer("The upstream's answer is no JSON object.");
  const failure = failureOf(answer);
  if (failure !== undefined) throw failure;
  if (!form.isAnswer(answer) && answer["done"] !== true)
    throw invalidAnswer("The upstream's answer is none of Ollama's: it has neither an answer nor `done`.");
  return answer;
}

/** Same lane, an answer in one piece. */
export function editOllamaAnswer(
  text: string,
  { form, reader, options }: { form: LineForm; reader: EventReader; options: EditorOptions },
): EditedAnswer {
  const edited = editAnswerOf(text, reader, options);
  if (edited.failure === undefined && edited.observation.contentEvents === 0) check(parseAnswer(text), form);
  return edited;
}

/** A whole answer as lines, for an upstream that ignored `stream`: all of it, and the end with the counts. */
export function streamOfAnswer(text: string, { saidKeys, silence }: LineForm): string {
  const answer = parseAnswer(text);
  if (failureOf(answer) !== undefined) return latin1OfUtf8(`${JSON.stringify(answer)}\n`);
  const { model, created_at: created } = answer;
  const members = Object.entries(answer);
  const said = Object.fromEntries(members.filter(([key]) => saidKeys.includes(key)));
  const rest = Object.fromEntries(members.filter(([key]) => !saidKeys.includes(key)));
  const lines = [
    { model, created_at: created, ...said, done: false },
    { ...rest, ...silence, done: true },
  ];
  return latin1OfUtf8(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** A cut answer stays cut, whatever it called. */
export function finishOf(line: Fields, hasCalls: boolean): Finish {
  const raw = filledOf(line["done_reason"]);
  if (raw === "length") return { reason: "length", raw };
  return { reason: hasCalls ? "tool_calls" : "end", raw };
}

/** Log probabilities in OpenAI's shape; Ollama sends the list alone. */
export function logprobsOf(line: Fields): unknown {
  const { logprobs } = line;
  return Array.isArray(logprobs) && logprobs.length > 0 ? { content: logprobs } : undefined;
}

/** Throws GatewayError (502) when the value is no answer, or the failure it holds. */
export function decodeAnswer(value: unknown, form: LineForm): Answer {
  const answer = check(value, form);
  const said = form.saidIn(answer);
  const parts: Part[] = [];
  const thinking = filledOf(said["thinking"]);
  if (thinking !== undefined) parts.push({ type: "reasoning", text: thinking, opaque: [] });
  const text = filledOf(said[form.textKey]);
  if (text !== undefined) parts.push({ type: "text", text });
  const calls = createCallReader()(said["tool_calls"]);
  const logprobs = logprobsOf(answer);
  return {
    id: "",
    model: filledOf(answer["model"]),
    parts: [...parts, ...calls],
    finish: finishOf(answer, calls.length > 0),
    usage: readUsage(answer),
    costUsd: undefined,
    ...(logprobs === undefined ? {} : { logprobs }),
  };
}
