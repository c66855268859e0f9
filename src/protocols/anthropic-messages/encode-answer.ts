import { GatewayError } from "../../errors.ts";
import { callObject } from "../canonical/call-input.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { Answer, Part, ReasoningPart } from "../canonical/conversation.ts";
import { sealOpaque } from "../canonical/opaque-token.ts";
import { answerIdOf, createCallIds, hidesThoughts, isRedacted, textOfImage } from "./answer-blocks.ts";
import type { Block } from "./encoding.ts";
import { stopOf } from "./stop-reason.ts";
import { writeUsage } from "./usage.ts";

function textBlocks(text: string): Block[] {
  return text === "" ? [] : [{ type: "text", text }];
}

function thinkingBlocks({ text, opaque }: ReasoningPart, isHidden: boolean): Block[] {
  if (text === "" && opaque.length === 0) return [];
  const token = sealOpaque(opaque);
  if (isRedacted(text, opaque)) return [{ type: "redacted_thinking", data: token }];
  return [{ type: "thinking", thinking: isHidden ? "" : text, signature: token }];
}

function blocksOf(part: Part, view: ClientView, callId: (id: string) => string): Block[] {
  switch (part.type) {
    case "text":
    case "refusal":
      return textBlocks(part.text);
    case "reasoning":
      return thinkingBlocks(part, hidesThoughts(view));
    case "tool_call":
      return [{ type: "tool_use", id: callId(part.id), name: part.name, input: callObject(part).value }];
    case "image":
      return textBlocks(textOfImage(part));
    case "audio":
    case "file":
    case "tool_result":
    case "opaque":
      break;
  }
  return [];
}

/** About what an answer took, where the upstream does not say. */
export function estimatedTokens(characters: number): number {
  return Math.ceil(characters / 4);
}

function charactersOf(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => {
    if (part.type === "tool_call") return sum + part.input.length;
    if (part.type === "image") return sum + textOfImage(part).length;
    return "text" in part ? sum + part.text.length : sum;
  }, 0);
}

export function endedInError(): GatewayError {
  const message = "The upstream ended its answer with an error and did not say which.";
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true });
}

function refusalOf(parts: readonly Part[]): string | undefined {
  const texts = parts.flatMap((part) => (part.type === "refusal" ? [part.text] : []));
  return texts.length === 0 ? undefined : texts.join("");
}

/** An answer as Anthropic's message. Throws GatewayError when it ended in an error. */
export function encodeAnswer(answer: Answer, view: ClientView): Block {
  const { parts, finish } = answer;
  if (finish.reason === "error") throw endedInError();
  const callId = createCallIds();
  const content = parts.flatMap((part) => blocksOf(part, view, callId));
  const estimated = { input: view.estimatedInputTokens, output: estimatedTokens(charactersOf(parts)) };
  return {
    id: answerIdOf(view, answer.id),
    type: "message",
    role: "assistant",
    model: view.model,
    content,
    ...stopOf(finish, {
      hasToolCalls: parts.some(({ type }) => type === "tool_call"),
      refusal: refusalOf(parts),
      stops: view.conversation.stop,
    }),
    usage: writeUsage(answer.usage, estimated),
  };
}
