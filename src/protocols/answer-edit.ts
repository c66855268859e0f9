import { applyEdits } from "../lib/json-edit.ts";
import { JsonScanError, mayBeDeeper, scanDocument } from "../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../lib/latin1.ts";
import { modelEditsAt, type EventReader } from "./event-editor.ts";
import { isFields, type Fields } from "./fields.ts";
import { newObservation, type EditedAnswer, type EditorOptions } from "./protocol.ts";
import { invalidAnswer } from "./upstream-error.ts";

export const deepestAnswer = 1000;
const noObject = "The upstream's answer is no JSON object.";

function scanAnswer(text: string): void {
  try {
    scanDocument(text, deepestAnswer);
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error;
    throw invalidAnswer(`The upstream's answer is no JSON object: ${error.message} at byte ${error.offset}.`);
  }
}

/** An upstream's answer (latin1) as an object or a list. Throws GatewayError (502) when it is neither. */
export function parseAnswerOrList(text: string): object {
  if (mayBeDeeper(text, deepestAnswer)) scanAnswer(text);
  let value: unknown;
  try {
    value = JSON.parse(utf8OfLatin1(text));
  } catch {
    // The parser does not say where; the scan does.
    scanAnswer(text);
    throw invalidAnswer("The upstream's answer is not valid JSON.");
  }
  if (typeof value !== "object" || value === null) throw invalidAnswer(noObject);
  return value;
}

/** An upstream's answer (latin1) as values. Throws GatewayError (502) when it is no JSON object. */
export function parseAnswer(text: string): Fields {
  const answer = parseAnswerOrList(text);
  if (!isFields(answer)) throw invalidAnswer(noObject);
  return answer;
}

/** Same lane, an answer in one piece: the model's name rewritten, everything else byte for byte. */
export function editAnswerOf(
  text: string,
  reader: Pick<EventReader, "look" | "modelPaths">,
  { modelShown, textLimit }: EditorOptions,
): EditedAnswer {
  const answer = parseAnswer(text);
  const observation = newObservation();
  const { failure, hasContent, isOnlyEnd } = reader.look(answer, observation, textLimit);
  if (failure !== undefined) return { output: text, failure, observation };
  observation.contentEvents = hasContent && isOnlyEnd !== true ? 1 : 0;
  if (modelShown === undefined) return { output: text, failure: undefined, observation };
  const edits = modelEditsAt(text, reader.modelPaths, latin1OfUtf8(JSON.stringify(modelShown)));
  return { output: applyEdits(text, edits), failure: undefined, observation };
}
