import { answerOfEvents } from "../canonical/collect.ts";
import type { Answer, Part } from "../canonical/conversation.ts";
import type { StreamEvent } from "../canonical/stream.ts";
import { fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { createAnswerReader } from "./answer-reader.ts";
import { failureOfResponse } from "./failure.ts";

function contentsOf(response: Fields): Fields[] {
  return listOf(response["output"])
    .filter(isFields)
    .filter((item) => item["type"] === "message")
    .flatMap((item) => listOf(item["content"]).filter(isFields));
}

/** Streams carry no sources: a whole answer's are put to its texts. */
function withCitations(parts: readonly Part[], contents: readonly Fields[]): readonly Part[] {
  if (!contents.some((content) => listOf(content["annotations"]).length > 0)) return parts;
  const texts = contents.filter((content) => content["type"] !== "refusal" && filledOf(content["text"]) !== undefined);
  return parts.map((part) => {
    if (part.type !== "text") return part;
    const annotations = listOf(texts.shift()?.["annotations"]);
    return annotations.length === 0 ? part : { ...part, citations: annotations };
  });
}

/** Throws GatewayError (502): the upstream's answer is not whole. */
function refuseUnfinished(response: Fields): void {
  const status = stringOf(response["status"]);
  if (status === undefined || status === "completed" || status === "incomplete") return;
  const message = `The upstream's answer is not finished (status ${status.slice(0, 60)}).`;
  throw invalidAnswer(message);
}

/** A whole response as an answer, read as its stream is. Throws GatewayError (502) when it is none, or the failure it holds. */
export function decodeAnswer(value: unknown, { origin }: { origin: string }): Answer {
  const response = fieldsOf(value);
  const failure = failureOfResponse(response);
  if (failure !== undefined) throw failure;
  const events: StreamEvent[] = [];
  if (Array.isArray(response["output"])) {
    refuseUnfinished(response);
    createAnswerReader({ origin, emit: (event) => void events.push(event) }).take("response.completed", { response });
  }
  const answer = answerOfEvents(events);
  if (answer === undefined) {
    const message = "The upstream's answer has no `output`.";
    throw invalidAnswer(message);
  }
  const contents = contentsOf(response);
  const logprobs = contents.flatMap((content) => listOf(content["logprobs"]));
  const parts = withCitations(answer.parts, contents);
  return { ...answer, parts, ...(logprobs.length === 0 ? {} : { logprobs: { content: logprobs } }) };
}
