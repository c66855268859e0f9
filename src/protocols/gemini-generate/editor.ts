import { editAnswerOf } from "../answer-edit.ts";
import { createEventEditor, type EventReader } from "../event-editor.ts";
import type { Fields } from "../fields.ts";
import type { EditedAnswer, EditorOptions, StreamEditor, StreamStep } from "../protocol.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { errorElement, errorInEvents } from "./error.ts";
import { createElementFramer, createResponseFramer, separator } from "./framer.ts";
import { lookAtResponse } from "./observe.ts";

const reader: EventReader = {
  look: lookAtResponse,
  modelPaths: [["modelVersion"], ["model_version"]],
  fail: errorInEvents,
};

/** Same lane, the stream as one JSON array: `[` with the first response, `]` when the answer is whole or has failed. */
function createArrayEditor(options: EditorOptions): StreamEditor {
  const editor = createEventEditor({ ...options, reader, framer: createElementFramer() });
  let isOpen = false;
  let isClosed = false;

  function element(text: string): string {
    const output = isOpen ? separator + text : `[${text}`;
    isOpen = true;
    return output;
  }

  function opened({ output, failure }: StreamStep): StreamStep {
    return output === "" ? { output, failure } : { output: element(output.slice(separator.length)), failure };
  }

  return {
    observation: editor.observation,
    hasContent: () => editor.hasContent(),
    isComplete: () => editor.isComplete(),
    isEnded: () => editor.isEnded(),
    push: (chunk) => opened(editor.push(chunk)),
    end() {
      const { output, failure } = opened(editor.end());
      if (failure !== undefined || !editor.isComplete() || isClosed) return { output, failure };
      isClosed = true;
      return { output: `${output}]`, failure };
    },
    fail(error) {
      if (isClosed) return "";
      isClosed = true;
      return `${element(errorElement(error))}]`;
    },
  };
}

/** Same lane: the upstream always sends events; only the model's name is rewritten. */
export function createGeminiStreamEditor(options: EditorOptions): StreamEditor {
  if (options.framing === "array") return createArrayEditor(options);
  return createEventEditor({ ...options, reader, framer: createResponseFramer() });
}

/** Same lane, a response in one piece. Throws GatewayError (502) when it is none. */
export function editGeminiAnswer(text: string, options: EditorOptions): EditedAnswer {
  let answer: Fields = {};
  const edited = editAnswerOf(
    text,
    {
      modelPaths: reader.modelPaths,
      look(message, observation, textLimit) {
        answer = message;
        return lookAtResponse(message, observation, textLimit);
      },
    },
    options,
  );
  const isResponse = ["candidates", "promptFeedback", "usageMetadata"].some((key) => key in answer);
  if (edited.failure !== undefined || isResponse) return edited;
  throw invalidAnswer("The upstream's answer has no `candidates`.");
}

/** A whole response (latin1) as a stream of one event: line breaks can only stand between its tokens. */
export function streamOfGeminiAnswer(answer: string): string {
  return `data: ${answer.replace(/[\r\n]+/g, " ").trim()}\n\n`;
}
