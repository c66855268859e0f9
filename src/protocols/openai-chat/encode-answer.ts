import type { ClientView } from "../canonical/codec.ts";
import { unwrappedInput } from "../canonical/custom-tools.ts";
import type { Answer, Part, ReasoningPart, ToolCallPart } from "../canonical/conversation.ts";
import { isFields, type Fields } from "../fields.ts";
import {
  answerIdOf,
  clientShapeOf,
  createReference,
  imageShown,
  sealedDetail,
  stateFields,
  type ClientShape,
} from "./client-shape.ts";
import { finishWord } from "./finish.ts";
import { usageShown } from "./usage-shown.ts";

function joined(parts: readonly Part[], type: "text" | "refusal"): string | null {
  const texts = parts.flatMap((part) => (part.type === type ? [part.text] : []));
  return texts.length === 0 ? null : texts.join("");
}

function callShown({ id, name, kind, input, opaque }: ToolCallPart, { isCustom }: ClientShape): Fields {
  const state = stateFields(opaque);
  if (kind === "custom") return { id, type: "custom", custom: { name, input }, ...state };
  if (isCustom(name)) return { id, type: "custom", custom: { name, input: unwrappedInput(input) }, ...state };
  // Clients parse what they get, and nothing is not JSON.
  return { id, type: "function", function: { name, arguments: input === "" ? "{}" : input }, ...state };
}

function callFields(parts: readonly Part[], shape: ClientShape): Fields {
  const calls = parts.flatMap((part) => (part.type === "tool_call" ? [part] : []));
  const [first] = calls;
  if (first === undefined) return {};
  if (!shape.isLegacy) return { tool_calls: calls.map((call) => callShown(call, shape)) };
  return { function_call: { name: first.name, arguments: first.input === "" ? "{}" : first.input } };
}

/** Thoughts under the names that clients look for; VS Code sends them back when there is an id with them. */
function reasoningShown(parts: readonly Part[]): Fields {
  const thoughts = parts.filter((part): part is ReasoningPart => part.type === "reasoning");
  if (thoughts.length === 0) return {};
  const text = thoughts.map((part) => part.text).join("");
  const details = thoughts.flatMap((part, index) =>
    part.opaque.length === 0 ? [] : [sealedDetail(part, index, part.text !== "")],
  );
  return {
    ...(text === "" ? {} : { reasoning_content: text, reasoning: text }),
    cot_id: createReference(),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
  };
}

function annotationsOf(parts: readonly Part[]): Fields {
  const citations = parts.flatMap((part) => (part.type === "text" ? (part.citations ?? []) : []));
  const annotations = citations.filter((citation) => isFields(citation) && isFields(citation["url_citation"]));
  return annotations.length === 0 ? {} : { annotations };
}

function messageOf(parts: readonly Part[], shape: ClientShape): Fields {
  const images = parts.flatMap((part) => (part.type === "image" ? imageShown(part) : []));
  return {
    role: "assistant",
    content: joined(parts, "text"),
    refusal: joined(parts, "refusal"),
    ...reasoningShown(parts),
    ...callFields(parts, shape),
    ...(images.length === 0 ? {} : { images }),
    ...annotationsOf(parts),
  };
}

/** An answer as a chat completion. */
export function encodeChatAnswer(answer: Answer, view: ClientView): Fields {
  const shape = clientShapeOf(view);
  const { parts, finish, usage, costUsd, logprobs } = answer;
  const choice = {
    index: 0,
    message: messageOf(parts, shape),
    logprobs: logprobs ?? null,
    finish_reason: finishWord(finish.reason, shape.isLegacy),
  };
  return {
    id: view.answerId ?? answerIdOf(answer.id),
    object: "chat.completion",
    created: Math.floor(view.startedAt / 1000),
    model: view.model,
    choices: [choice],
    ...(usage === undefined ? {} : { usage: usageShown(usage, costUsd) }),
  };
}
