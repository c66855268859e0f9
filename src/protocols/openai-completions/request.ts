import { setMember } from "../../lib/json-edit.ts";
import type { Member } from "../../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import { listOf, stringOf } from "../fields.ts";
import type { Envelope } from "../protocol.ts";
import {
  isLiteral,
  isTrueMember,
  memberOf,
  readModel,
  requiredMember,
  scanRequest,
  usageEdits,
} from "../request-scan.ts";

/** The last prompt that is a text. */
function promptText(text: string, { start, end }: Member): string | undefined {
  const prompt: unknown = JSON.parse(utf8OfLatin1(text.slice(start, end)));
  return (
    stringOf(prompt) ??
    listOf(prompt)
      .map(stringOf)
      .findLast((entry) => entry !== undefined)
  );
}

/** Reads the envelope of a completion request. */
export function peekCompletionRequest(text: string, { maxDepth }: { maxDepth: number }): Envelope {
  const object = scanRequest(text, maxDepth, "prompt");
  const prompt = requiredMember(object, "prompt", "send the text to go on from");
  return {
    text,
    object,
    model: readModel(text, memberOf(object, "model")),
    stream: isLiteral(text, memberOf(object, "stream"), "true"),
    wantsUsage: isTrueMember(text, memberOf(object, "stream_options"), "include_usage"),
    lastUserText: (limit) => promptText(text, prompt)?.slice(0, limit),
    edits({ model, injectUsage }) {
      const edits = setMember(object, "model", latin1OfUtf8(JSON.stringify(model)));
      return injectUsage ? [...edits, ...usageEdits(text, object)] : edits;
    },
  };
}
