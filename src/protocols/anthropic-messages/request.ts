import { setMember } from "../../lib/json-edit.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import { fieldsOf, type Fields } from "../fields.ts";
import type { Envelope } from "../protocol.ts";
import {
  isLiteral,
  lastUserText,
  memberOf,
  readModel,
  requiredMember,
  scanRequest,
  textOfPart,
} from "../request-scan.ts";
import { sealedReasoningEdits } from "./sealed-reasoning.ts";

/** `undefined` for a message that only brings tool results: they are no words of the user's. */
function wordsOf({ content }: Fields): string | undefined {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  const blocks = content.filter((block) => fieldsOf(block)["type"] !== "tool_result");
  return blocks.length === 0 && content.length > 0 ? undefined : blocks.map(textOfPart).join(" ");
}

/** Reads the envelope of a message request. */
export function peekMessageRequest(text: string, { maxDepth }: { maxDepth: number }): Envelope {
  const object = scanRequest(text, maxDepth, "messages");
  const messages = requiredMember(object, "messages", "send the conversation as an array");
  return {
    text,
    object,
    model: readModel(text, memberOf(object, "model")),
    stream: isLiteral(text, memberOf(object, "stream"), "true"),
    // Every stream of this protocol has it.
    wantsUsage: true,
    lastUserText: (limit) => lastUserText(text, messages, wordsOf)?.slice(0, limit),
    edits: ({ model, origin }) => [
      ...setMember(object, "model", latin1OfUtf8(JSON.stringify(model))),
      ...sealedReasoningEdits(text, object, origin),
    ],
  };
}
