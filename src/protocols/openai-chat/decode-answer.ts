import type { Target } from "../canonical/codec.ts";
import { answerOfEvents } from "../canonical/collect.ts";
import type { Answer, Part } from "../canonical/conversation.ts";
import { fieldsOf, filledOf, isFields, listOf, type Fields } from "../fields.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { ChoiceReader } from "./choice-reader.ts";
import { failureOf } from "./observe.ts";
import { readUsage } from "./usage.ts";

/** Sources that the answer names, with the text they belong to. */
function withCitations(parts: readonly Part[], annotations: unknown): readonly Part[] {
  const citations = listOf(annotations);
  const last = parts.findLastIndex(({ type }) => type === "text");
  if (citations.length === 0 || last === -1) return parts;
  return parts.map((part, index) => (index === last && part.type === "text" ? { ...part, citations } : part));
}

/** Groq has its counts in a place of its own, too. */
export function usageIn(chunk: Fields): ReturnType<typeof readUsage> {
  if (isFields(chunk["usage"])) return readUsage(chunk["usage"]);
  const groq = chunk["x_groq"];
  return isFields(groq) ? readUsage(groq["usage"]) : undefined;
}

/** A chat completion as an answer. Throws GatewayError (502, or as the upstream says) where it is none. */
export function decodeChatAnswer(value: unknown, { origin }: Pick<Target, "origin">): Answer {
  const answer = fieldsOf(value);
  // A list is an error of Gemini's.
  const failure = failureOf(Array.isArray(value) ? (value as object) : answer);
  if (failure !== undefined) throw failure;
  const choice = listOf(answer["choices"]).find(isFields);
  if (choice === undefined) throw invalidAnswer("The upstream's answer has no `choices`.");
  const reader = new ChoiceReader(origin);
  const message = fieldsOf(choice["message"] ?? choice["delta"]);
  reader.read(choice, message, true);
  const broken = reader.finish();
  if (broken !== undefined) throw broken;
  const read = answerOfEvents(reader.take());
  if (read === undefined) throw invalidAnswer("The upstream's answer has no end.");
  const usage = usageIn(answer);
  const { logprobs } = choice;
  return {
    ...read,
    id: filledOf(answer["id"]) ?? "",
    model: filledOf(answer["model"]),
    parts: withCitations(read.parts, message["annotations"]),
    usage: usage?.usage,
    costUsd: usage?.costUsd,
    ...(isFields(logprobs) ? { logprobs } : {}),
  };
}
