import { editAnswerOf, parseAnswer } from "../answer-edit.ts";
import { createEventEditor, createEventFramer, type EventReader } from "../event-editor.ts";
import { fieldsOf, filledOf, listOf, type Fields } from "../fields.ts";
import type { EditedAnswer, EditorOptions, StreamEditor } from "../protocol.ts";
import { errorEvent } from "./error.ts";
import { eventOf, type EventValue } from "./frame.ts";
import { lookAtAnswer, lookAtEvent } from "./observe.ts";

const eventReader: EventReader = {
  look: lookAtEvent,
  modelPaths: [["message", "model"], ["model"]],
  fail: errorEvent,
};

/** Same lane: only the model's name is rewritten. */
export function createMessageStreamEditor(options: EditorOptions): StreamEditor {
  return createEventEditor({ ...options, reader: eventReader, framer: createEventFramer() });
}

export function editMessage(text: string, options: EditorOptions): EditedAnswer {
  return editAnswerOf(text, { look: lookAtAnswer, modelPaths: [["model"]] }, options);
}

type Delta = EventValue;

/** A block as it begins in a stream, and what follows; a block of an unknown kind comes whole. */
function piecesOf(block: Fields): { start: Fields; deltas: Delta[] } {
  switch (block["type"]) {
    case "text": {
      const citations = listOf(block["citations"]).map((citation) => ({ type: "citations_delta", citation }));
      const text = filledOf(block["text"]);
      const deltas = text === undefined ? [] : [{ type: "text_delta", text }];
      const start = { ...block, text: "", ...(citations.length === 0 ? {} : { citations: [] }) };
      return { start, deltas: [...citations, ...deltas] };
    }
    case "thinking": {
      const thinking = filledOf(block["thinking"]);
      const signature = filledOf(block["signature"]);
      const deltas: Delta[] = thinking === undefined ? [] : [{ type: "thinking_delta", thinking }];
      if (signature !== undefined) deltas.push({ type: "signature_delta", signature });
      return { start: { ...block, thinking: "", signature: "" }, deltas };
    }
    case "tool_use":
    case "server_tool_use": {
      const json = { type: "input_json_delta", partial_json: JSON.stringify(block["input"] ?? {}) };
      return { start: { ...block, input: {} }, deltas: [json] };
    }
    default:
      return { start: block, deltas: [] };
  }
}

function eventsOfBlock(block: Fields, index: number): string {
  const { start, deltas } = piecesOf(block);
  const pieces = deltas.map((delta) => eventOf({ type: "content_block_delta", index, delta }));
  return (
    eventOf({ type: "content_block_start", index, content_block: start }) +
    pieces.join("") +
    eventOf({ type: "content_block_stop", index })
  );
}

/** A whole answer (latin1) as the stream that was asked for, when an upstream ignored `stream: true`. */
export function streamOfMessage(answer: string): string {
  const {
    content,
    stop_reason: reason,
    stop_sequence: sequence,
    stop_details: details,
    ...message
  } = parseAnswer(answer);
  const usage = fieldsOf(message["usage"]);
  const hasTool = listOf(content).some((block) => fieldsOf(block)["type"] === "tool_use");
  const start = {
    ...message,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 0, ...usage, output_tokens: 0 },
  };
  const delta = {
    stop_reason: reason ?? (hasTool ? "tool_use" : "end_turn"),
    stop_sequence: sequence ?? null,
    ...(details === undefined || details === null ? {} : { stop_details: details }),
  };
  return (
    eventOf({ type: "message_start", message: start }) +
    listOf(content)
      .map((block, index) => eventsOfBlock(fieldsOf(block), index))
      .join("") +
    eventOf({ type: "message_delta", delta, usage: { output_tokens: 0, ...usage } }) +
    eventOf({ type: "message_stop" })
  );
}
