import { elementsBackwards } from "../../lib/json-backwards.ts";
import { setMember } from "../../lib/json-edit.ts";
import type { Member, ScannedObject } from "../../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import { isFields, stringOf } from "../fields.ts";
import type { Envelope } from "../protocol.ts";
import { isLiteral, memberOf, readModel, scanRequest } from "../request-scan.ts";

/** Whether a message may be the user's: the word stands in it in any case, or characters that stand for others. */
function mayBeUsers(message: string): boolean {
  return message.includes("\\u") || /"user"/i.test(message);
}

function lastUserMessage(text: string, messages: Member): string | undefined {
  for (const { start, end } of elementsBackwards(text, messages)) {
    const source = text.slice(start, end);
    if (!mayBeUsers(source)) continue;
    const message: unknown = JSON.parse(utf8OfLatin1(source));
    if (!isFields(message) || stringOf(message["role"])?.toLowerCase() !== "user") continue;
    return stringOf(message["content"]) ?? "";
  }
  return undefined;
}

/** What generate was asked. */
function promptText(text: string, prompt: Member): string | undefined {
  const value: unknown = JSON.parse(utf8OfLatin1(text.slice(prompt.start, prompt.end)));
  return stringOf(value);
}

function envelopeOf(text: string, object: ScannedObject, lastUserText: () => string | undefined): Envelope {
  return {
    text,
    object,
    model: readModel(text, memberOf(object, "model")),
    // Ollama streams unless it is told not to.
    stream: !isLiteral(text, memberOf(object, "stream"), "false"),
    // Its last line always has the counts.
    wantsUsage: true,
    lastUserText: (limit) => lastUserText()?.slice(0, limit),
    edits: ({ model }) => setMember(object, "model", latin1OfUtf8(JSON.stringify(model))),
  };
}

/** Reads the envelope of a chat request; one without messages asks that the model be loaded. */
export function peekChat(text: string, { maxDepth }: { maxDepth: number }): Envelope {
  const object = scanRequest(text, maxDepth, "messages");
  const messages = memberOf(object, "messages");
  return envelopeOf(text, object, () => (messages === undefined ? undefined : lastUserMessage(text, messages)));
}

/** Reads the envelope of a generate request; one without a prompt asks that the model be loaded. */
export function peekGenerate(text: string, { maxDepth }: { maxDepth: number }): Envelope {
  const object = scanRequest(text, maxDepth, "prompt");
  const prompt = memberOf(object, "prompt");
  return envelopeOf(text, object, () => (prompt === undefined ? undefined : promptText(text, prompt)));
}
