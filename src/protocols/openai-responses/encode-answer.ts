import type { ClientView } from "../canonical/codec.ts";
import { eventsOfAnswer } from "../canonical/collect.ts";
import type { Answer } from "../canonical/conversation.ts";
import { fieldsOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { createEventWriter } from "./event-writer.ts";
import { createOutputItems } from "./output-items.ts";
import { brokenResponse, endedResponse, responseOfView } from "./response-object.ts";
import { brokenUpstream, endingOf } from "./stream-encoder.ts";
import { usageView } from "./usage.ts";

const annotationTypes = new Set(["file_citation", "url_citation", "container_file_citation", "file_path"]);

/** The sources of a text that this protocol has words for; OpenAI chat nests the facts under the type's name. */
function annotationsOf(citations: readonly unknown[]): Fields[] {
  return citations.filter(isFields).flatMap((citation) => {
    const type = stringOf(citation["type"]) ?? "";
    if (!annotationTypes.has(type)) return [];
    const nested = citation[type];
    return [isFields(nested) ? { type, ...nested } : citation];
  });
}

/** Streams carry no sources: they are put to the texts of a whole answer afterwards. */
function withAnnotations(output: readonly Fields[], answer: Answer): readonly Fields[] {
  const texts = answer.parts.filter((part) => part.type === "text" || part.type === "refusal");
  if (!texts.some((part) => part.type === "text" && (part.citations ?? []).length > 0)) return output;
  const left = texts.filter(({ text }) => text !== "");
  return output.map((item) => {
    if (item["type"] !== "message") return item;
    const content = listOf(item["content"]).map((part) => {
      const { text, refusal } = fieldsOf(part);
      if (left[0]?.text !== (text ?? refusal)) return part;
      const source = left.shift();
      if (source?.type !== "text" || source.citations === undefined) return part;
      return { ...fieldsOf(part), annotations: annotationsOf(source.citations) };
    });
    return { ...item, content };
  });
}

/** A whole answer for a Responses client, made of the same events as a stream. */
export function encodeAnswer(answer: Answer, view: ClientView): Fields {
  const response = responseOfView(view);
  const items = createOutputItems({ view, writer: createEventWriter(), responseId: stringOf(response["id"]) ?? "" });
  for (const event of eventsOfAnswer(answer)) items.push(event);
  const ending = endingOf(answer.finish.reason);
  items.settle(ending.status);
  const output = withAnnotations(items.soFar(), answer);
  const usage = usageView(answer.usage);
  if (answer.finish.reason !== "error") return endedResponse(response, { ...ending, output, usage });
  return brokenResponse({ ...response, usage }, brokenUpstream(answer.finish.raw), output);
}
