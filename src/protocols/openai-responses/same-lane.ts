import type { GatewayError } from "../../errors.ts";
import { createId } from "../../lib/ids.ts";
import { editAnswerOf } from "../answer-edit.ts";
import { createEventEditor, createEventFramer } from "../event-editor.ts";
import type { Fields } from "../fields.ts";
import type { EditedAnswer, EditorOptions, Observation, StreamEditor } from "../protocol.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { createEventWriter, failureEvents } from "./event-writer.ts";
import { createResponsesReader, lookAtAnswer } from "./observe.ts";
import { brokenResponse, newResponse } from "./response-object.ts";

/** Same lane, an answer in one piece. Throws GatewayError (502) when it is no response. */
export function editResponsesAnswer(text: string, options: EditorOptions): EditedAnswer {
  const reader = {
    modelPaths: [["model"]],
    look(answer: Fields, observation: Observation, textLimit: number) {
      const seen = lookAtAnswer(answer, observation, textLimit);
      if (seen.failure !== undefined || Array.isArray(answer["output"])) return seen;
      const message = "The upstream's answer has no `output`.";
      throw invalidAnswer(message);
    },
  };
  return editAnswerOf(text, reader, options);
}

/** Same lane, a stream. */
export function createResponsesStreamEditor(options: EditorOptions): StreamEditor {
  return createEventEditor({
    ...options,
    reader: createResponsesReader(options.modelShown),
    framer: createEventFramer(),
  });
}

/** The end of a stream of which nothing but its observation is known. */
export function encodeErrorInStream(error: GatewayError, observation: Observation, modelShown: string): string {
  const id = observation.upstreamId ?? createId("resp_");
  const response = newResponse({ id, model: modelShown, createdMs: Date.now(), body: {} });
  const writer = createEventWriter();
  const start = observation.contentEvents > 0 ? "" : writer.write("response.created", { response });
  return start + failureEvents(writer, error, brokenResponse(response, error, []));
}
