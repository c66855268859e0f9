import { applyEdits, type JsonEdit } from "../../lib/json-edit.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import { deepestAnswer, parseAnswerOrList } from "../answer-edit.ts";
import { newObservation, type EditedAnswer, type EditorOptions } from "../protocol.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { modelRanges } from "./model-ranges.ts";
import { choicesOf, failureOf, hasContent, observe, type Answer } from "./observe.ts";

/** A chat completion in one piece: `model` rewritten, everything else byte for byte. */
export function editChatAnswer(text: string, { modelShown, textLimit }: EditorOptions): EditedAnswer {
  // A list is an error of Gemini's.
  const answer: Answer = parseAnswerOrList(text);
  const observation = newObservation();
  observe(observation, answer, textLimit);
  const failure = failureOf(answer);
  if (failure !== undefined) return { output: text, failure, observation };
  if (!Array.isArray(answer.choices)) throw invalidAnswer("The upstream's answer has no `choices`.");
  observation.contentEvents = hasContent(answer) ? 1 : 0;
  return {
    output: modelShown === undefined ? text : applyEdits(text, modelEdits(text, answer, modelShown)),
    failure: undefined,
    observation,
  };
}

function modelEdits(text: string, answer: Answer, modelShown: string): JsonEdit[] {
  const shown = latin1OfUtf8(JSON.stringify(modelShown));
  return modelRanges(text, answer.model, deepestAnswer).map(({ start, end }) => ({ start, end, text: shown }));
}

function withIndex(toolCalls: unknown): unknown {
  if (!Array.isArray(toolCalls)) return toolCalls;
  return toolCalls.map((call: object, index) => ({ index, ...call }));
}

/** A whole answer as the chunks of a stream, for an upstream that ignored `stream: true`. */
export function streamOfChatAnswer(answer: string): string {
  const value: Answer = parseAnswerOrList(answer);
  const { choices: _choices, usage, ...shared } = value;
  const head = { ...shared, object: "chat.completion.chunk" };
  // Some clients take the first chunk of a choice for its role alone.
  const roles = choicesOf(value).map(({ index = 0 }) => ({
    index,
    delta: { role: "assistant", content: "" },
    finish_reason: null,
  }));
  const contents = choicesOf(value).map(({ message, finish_reason: _reason, ...choice }) => ({
    ...choice,
    delta: {
      ...message,
      ...(message?.tool_calls === undefined ? {} : { tool_calls: withIndex(message.tool_calls) }),
    },
    finish_reason: null,
  }));
  const ends = choicesOf(value).map((choice) => ({
    index: choice.index ?? 0,
    delta: {},
    finish_reason: choice.finish_reason ?? "stop",
  }));
  const chunks: unknown[] = [
    { ...head, choices: roles },
    { ...head, choices: contents },
    { ...head, choices: ends },
  ];
  if (usage !== undefined && usage !== null) chunks.push({ ...head, choices: [], usage });
  return latin1OfUtf8(`${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`);
}
