import type { Target } from "../canonical/codec.ts";
import type { Answer, Opaque, Part } from "../canonical/conversation.ts";
import { fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { failureOf } from "./observe.ts";
import { finishOf, refusalOf } from "./stop-reason.ts";
import { readUsage } from "./usage.ts";

type Origin = Pick<Target, "origin">;

export function ownState({ origin }: Origin, kind: Opaque["kind"], data: unknown): Opaque[] {
  const text = filledOf(data);
  return text === undefined ? [] : [{ origin, kind, data: text }];
}

function reasoningParts(text: string, opaque: Opaque[]): Part[] {
  return text === "" && opaque.length === 0 ? [] : [{ type: "reasoning", text, opaque }];
}

/** Blocks of server tools, and of kinds that are not known yet, have no place in other protocols. */
function partsOfBlock(block: Fields, origin: Origin): Part[] {
  switch (block["type"]) {
    case "text": {
      const text = stringOf(block["text"]) ?? "";
      const citations = listOf(block["citations"]);
      return text === "" ? [] : [{ type: "text", text, ...(citations.length === 0 ? {} : { citations }) }];
    }
    case "thinking": {
      const state = ownState(origin, "anthropic-signature", block["signature"]);
      return reasoningParts(stringOf(block["thinking"]) ?? "", state);
    }
    case "redacted_thinking":
      return reasoningParts("", ownState(origin, "anthropic-redacted", block["data"]));
    case "tool_use":
      return [
        {
          type: "tool_call",
          id: stringOf(block["id"]) ?? "",
          name: stringOf(block["name"]) ?? "",
          kind: "function",
          input: JSON.stringify(isFields(block["input"]) ? block["input"] : {}),
        },
      ];
    default:
      return [];
  }
}

/** A message as an answer. Throws GatewayError: the failure it holds, or 502 when it is none. */
export function decodeAnswer(value: unknown, target: Origin): Answer {
  const answer = fieldsOf(value);
  const failure = failureOf(answer);
  if (failure !== undefined) throw failure;
  if (!Array.isArray(answer["content"])) {
    const message = "The upstream's answer has no `content`.";
    throw invalidAnswer(message);
  }
  const parts = answer["content"].flatMap((block) => partsOfBlock(fieldsOf(block), target));
  const refusal = refusalOf(answer);
  if (refusal !== "") parts.push({ type: "refusal", text: refusal });
  const reported = readUsage(answer["usage"]);
  return {
    id: stringOf(answer["id"]) ?? "",
    model: filledOf(answer["model"]),
    parts,
    finish: finishOf(
      answer,
      parts.some(({ type }) => type === "tool_call"),
    ),
    usage: reported?.usage,
    costUsd: reported?.costUsd,
  };
}
