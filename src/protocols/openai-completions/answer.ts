import type { GatewayError } from "../../errors.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import { editAnswerOf, parseAnswer } from "../answer-edit.ts";
import { fieldsOf, filledOf, isFields, listOf } from "../fields.ts";
import type { EditedAnswer, EditorOptions } from "../protocol.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { completionReader, failureOf } from "./observe.ts";

export function noChoices(): GatewayError {
  return invalidAnswer("The upstream's answer has no `choices`.");
}

/** Same lane, an answer in one piece. */
export function editCompletionAnswer(text: string, options: EditorOptions): EditedAnswer {
  const edited = editAnswerOf(text, completionReader, options);
  const { failure, observation } = edited;
  if (failure === undefined && observation.contentEvents === 0 && !Array.isArray(parseAnswer(text)["choices"]))
    throw noChoices();
  return edited;
}

/** A whole answer as the chunks of a stream, for an upstream that ignored `stream: true`. */
export function streamOfCompletionAnswer(text: string): string {
  const answer = parseAnswer(text);
  if (failureOf(answer) !== undefined) return latin1OfUtf8(`data: ${JSON.stringify(answer)}\n\n`);
  const { choices, usage, ...shared } = answer;
  const chunks: unknown[] = listOf(choices)
    .filter(isFields)
    .map((choice) => ({
      ...shared,
      choices: [{ index: 0, ...choice, finish_reason: filledOf(choice["finish_reason"]) ?? "stop" }],
    }));
  if (Object.keys(fieldsOf(usage)).length > 0) chunks.push({ ...shared, choices: [], usage });
  return latin1OfUtf8(`${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`);
}
