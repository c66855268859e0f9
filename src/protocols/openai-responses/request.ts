import { invalidRequest } from "../../errors.ts";
import { setMember } from "../../lib/json-edit.ts";
import type { Member, ScannedObject } from "../../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import { stringOf } from "../fields.ts";
import type { Envelope } from "../protocol.ts";
import { isLiteral, lastUserText, memberOf, readModel, scanRequest, textOfContent } from "../request-scan.ts";
import { sealedEdits } from "./sealed-items.ts";

function textAsked(text: string, input: Member): string | undefined {
  if (text[input.start] !== '"') return lastUserText(text, input, ({ content }) => textOfContent(content));
  return stringOf(JSON.parse(utf8OfLatin1(text.slice(input.start, input.end))));
}

/** What may stand for a conversation instead of `input`. */
const otherInputs = ["previous_response_id", "prompt", "conversation"];

function checkInput(object: ScannedObject): void {
  if (object.members.some(({ key }) => key === "input" || otherInputs.includes(key))) return;
  throw invalidRequest("`input` is missing; send a text or the conversation as an array of items.", "input");
}

/** Reads the envelope of a request for a response. */
export function peekResponsesRequest(text: string, { maxDepth }: { maxDepth: number }): Envelope {
  const object = scanRequest(text, maxDepth, "input");
  checkInput(object);
  const input = memberOf(object, "input");
  return {
    text,
    object,
    model: readModel(text, memberOf(object, "model")),
    stream: isLiteral(text, memberOf(object, "stream"), "true"),
    // The last event of every stream has it.
    wantsUsage: true,
    lastUserText: (limit) => (input === undefined ? undefined : textAsked(text, input)?.slice(0, limit)),
    edits: ({ model, origin }) => [
      ...setMember(object, "model", latin1OfUtf8(JSON.stringify(model))),
      ...(input === undefined ? [] : sealedEdits(text, input, origin)),
    ],
  };
}
