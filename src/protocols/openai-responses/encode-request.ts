import { invalidRequest } from "../../errors.ts";
import type { EncodedRequest, Target } from "../canonical/codec.ts";
import type { Conversation } from "../canonical/conversation.ts";
import { clientField } from "../canonical/client-field.ts";
import { createLosses } from "../canonical/losses.ts";
import { createToolNames, openaiNames } from "../canonical/tool-names.ts";
import { encodeInput } from "./encode-items.ts";
import { encodeSettings } from "./encode-settings.ts";
import { encodeTools } from "./encode-tools.ts";

/**
 * A conversation as a request for a response that nobody keeps: the whole of it is sent every time, with the model's
 * reasoning encrypted in it. Throws GatewayError (400) where something must not be left out: sound, more than one answer.
 */
export function encodeRequest(conversation: Conversation, target: Target): EncodedRequest {
  const { count, protocol } = conversation;
  if (count !== undefined && count > 1)
    throw invalidRequest(
      "This model's provider gives one answer to a request (OpenAI Responses have no `n`); ask once for each.",
      clientField(protocol, "count"),
    );
  const losses = createLosses();
  const names = createToolNames(conversation, openaiNames);
  const tools = encodeTools(conversation, names);
  const { instructions, input } = encodeInput({ conversation, target, names, losses });
  return {
    body: {
      model: target.model,
      ...(instructions === undefined ? {} : { instructions }),
      input,
      ...tools,
      ...encodeSettings({ conversation, target, losses }),
    },
    losses: losses.list,
    toolNames: names.renamed(),
  };
}
