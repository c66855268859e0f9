import { setMember, type JsonEdit } from "../../lib/json-edit.ts";
import type { Member, ScannedObject } from "../../lib/json-scan.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Envelope } from "../protocol.ts";
import {
  isLiteral,
  isTrueMember,
  lastUserText,
  memberOf,
  readModel,
  requiredMember,
  scanRequest,
  textOfContent,
  usageEdits,
} from "../request-scan.ts";
import { sealedEdits } from "./sealed-messages.ts";

class ChatEnvelope implements Envelope {
  readonly text: string;
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly wantsUsage: boolean;
  readonly object: ScannedObject;
  private readonly messages: Member;

  constructor(text: string, object: ScannedObject, messages: Member) {
    this.text = text;
    this.object = object;
    this.messages = messages;
    this.model = readModel(text, memberOf(object, "model"));
    this.stream = isLiteral(text, memberOf(object, "stream"), "true");
    this.wantsUsage =
      isTrueMember(text, memberOf(object, "stream_options"), "include_usage") ||
      isTrueMember(text, memberOf(object, "usage"), "include");
  }

  lastUserText(limit: number): string | undefined {
    return lastUserText(this.text, this.messages, ({ content }) => textOfContent(content))?.slice(0, limit);
  }

  edits({ model, injectUsage }: { model: string; injectUsage: boolean }): JsonEdit[] {
    const edits = setMember(this.object, "model", latin1OfUtf8(JSON.stringify(model)));
    edits.push(...sealedEdits(this.text, this.messages));
    return injectUsage ? [...edits, ...usageEdits(this.text, this.object)] : edits;
  }
}

/** Reads the envelope of a chat completion request. */
export function peekChatRequest(text: string, { maxDepth }: { maxDepth: number }): Envelope {
  const object = scanRequest(text, maxDepth, "messages");
  const messages = requiredMember(object, "messages", "send the conversation as an array");
  return new ChatEnvelope(text, object, messages);
}
