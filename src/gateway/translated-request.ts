import { GatewayError } from "../errors.ts";
import { createId } from "../lib/ids.ts";
import type { Conversation } from "../protocols/canonical/conversation.ts";
import type { Fields } from "../protocols/fields.ts";
import { parseRequest } from "../protocols/request-scan.ts";
import type { Exchange } from "./exchange.ts";
import { restoreReasoning } from "./reasoning-memory.ts";

/** A request as values, read once however many targets it is tried on. */
export interface TranslatedRequest {
  /** As the client sent it. */
  own: Fields;
  /** With what went before, where the gateway keeps it (`previous_response_id`). */
  body: Fields;
  conversation: Conversation;
  /** Of an answer that the gateway keeps. */
  answerId: string | undefined;
}

function read(exchange: Exchange): TranslatedRequest {
  const { call, envelope, translation } = exchange;
  const { keyId, protocol } = call;
  const own = parseRequest(envelope.text);
  const body = protocol.id === "openai-responses" ? translation.responses.expanded(own, keyId) : own;
  const conversation = protocol.codec.request.decode(body, call.path ?? {});
  const answerId = protocol.id === "openai-responses" ? createId("resp_") : undefined;
  return { own, body, conversation: restoreReasoning(conversation, translation.memory, keyId), answerId };
}

function attempted(exchange: Exchange): TranslatedRequest | GatewayError {
  try {
    return read(exchange);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}

/** Throws GatewayError where it cannot be read: the next target would meet the same, and wait for it again. */
export function translatedOf(exchange: Exchange): TranslatedRequest {
  exchange.translated ??= attempted(exchange);
  if (exchange.translated instanceof GatewayError) throw exchange.translated;
  return exchange.translated;
}
