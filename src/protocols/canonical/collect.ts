import type { Answer, Finish, Opaque, Part } from "./conversation.ts";
import type { StreamEvent, StreamPart } from "./stream.ts";

interface OpenPart {
  part: StreamPart;
  text: string;
  opaque: Opaque[];
}

function partOf({ part, text, opaque }: OpenPart): Part {
  switch (part.type) {
    case "text":
      return { type: "text", text };
    case "refusal":
      return { type: "refusal", text };
    case "reasoning":
      return { type: "reasoning", text, isSummary: part.isSummary, opaque };
    case "tool_call": {
      const { id, name, kind } = part;
      return { type: "tool_call", id, name, kind, input: text, opaque: opaque.length === 0 ? undefined : opaque };
    }
    case "image":
    default:
      return part.image;
  }
}

/** The parts of a stream as one answer; a stream without `finish` has none. Throws the error a stream ended with. */
export function answerOfEvents(events: Iterable<StreamEvent>): Answer | undefined {
  const parts: Part[] = [];
  const answer = { id: "", model: undefined as string | undefined };
  let open: OpenPart | undefined;
  let finish: Finish | undefined;
  let usage: Pick<Answer, "usage" | "costUsd"> = { usage: undefined, costUsd: undefined };
  for (const event of events) {
    switch (event.type) {
      case "start":
        answer.id = event.id;
        answer.model = event.model;
        break;
      case "part-start":
        open = { part: event.part, text: "", opaque: [] };
        break;
      case "part-delta":
        if (open !== undefined) open.text += event.text;
        break;
      case "part-opaque":
        open?.opaque.push(event.opaque);
        break;
      case "part-stop":
        if (open !== undefined) parts.push(partOf(open));
        open = undefined;
        break;
      case "usage":
        usage = { usage: event.usage, costUsd: event.costUsd };
        break;
      case "finish":
        ({ finish } = event);
        break;
      case "logprobs":
        break;
      case "error":
        throw event.error;
    }
  }
  return finish === undefined ? undefined : { ...answer, parts, finish, ...usage };
}

function* eventsOfPart(part: Part, index: number): Generator<StreamEvent> {
  const start = (streamPart: StreamPart): StreamEvent => ({ type: "part-start", index, part: streamPart });
  let text = "";
  let opaque: readonly Opaque[] = [];
  switch (part.type) {
    case "text":
    case "refusal":
      yield start({ type: part.type });
      ({ text } = part);
      break;
    case "reasoning":
      yield start({ type: "reasoning", isSummary: part.isSummary });
      ({ text, opaque } = part);
      break;
    case "tool_call":
      yield start({ type: "tool_call", id: part.id, name: part.name, kind: part.kind });
      text = part.input;
      opaque = part.opaque ?? [];
      break;
    case "image":
      yield start({ type: "image", image: part });
      break;
    case "audio":
    case "file":
    case "tool_result":
    case "opaque":
      return;
  }
  if (text !== "") yield { type: "part-delta", index, text };
  for (const state of opaque) yield { type: "part-opaque", index, opaque: state };
  yield { type: "part-stop", index };
}

/** A whole answer as the stream it would have been. */
export function* eventsOfAnswer(answer: Answer): Generator<StreamEvent> {
  yield { type: "start", id: answer.id, model: answer.model };
  let index = 0;
  for (const part of answer.parts) {
    let wasShown = false;
    for (const event of eventsOfPart(part, index)) {
      wasShown = true;
      yield event;
    }
    if (wasShown) index += 1;
  }
  if (answer.logprobs !== undefined) yield { type: "logprobs", logprobs: answer.logprobs };
  if (answer.usage !== undefined) yield { type: "usage", usage: answer.usage, costUsd: answer.costUsd };
  yield { type: "finish", finish: answer.finish };
}
