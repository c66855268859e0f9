import type { EncodedRequest, Target } from "../canonical/codec.ts";
import type { Conversation } from "../canonical/conversation.ts";
import { createToolNames, type NameRule } from "../canonical/tool-names.ts";
import { limitCacheMarks } from "./cache-marks.ts";
import {
  encodeExtra,
  encodeFormat,
  encodeSampling,
  encodeServiceTier,
  encodeStops,
  encodeUser,
  loseStrangers,
} from "./encode-settings.ts";
import { encodeThinking, wantsThinking } from "./encode-thinking.ts";
import { encodeTools } from "./encode-tools.ts";
import { encodeTurns, lacksThoughts } from "./encode-turns.ts";
import { cacheControl, type Block, type Encoding } from "./encoding.ts";

const nameRule: NameRule = { legal: /^[a-zA-Z0-9_-]{1,128}$/, foreign: /[^a-zA-Z0-9_-]/g, longest: 128 };

/** One plain text is sent as such. */
function systemOf(blocks: Block[]): Block {
  const [first] = blocks;
  if (first === undefined) return {};
  const isPlain = blocks.length === 1 && first["type"] === "text" && first["cache_control"] === undefined;
  return { system: isPlain ? first["text"] : blocks };
}

/** An answer cannot be begun for the model that has to think first or is held to a schema. */
function mayPrefill({ conversation, target: { traits } }: Encoding): boolean {
  const isThinking = traits.thinking !== "none" && wantsThinking(conversation.reasoning);
  return traits.prefill && !isThinking && conversation.format?.type !== "schema";
}

function outputConfig(format: Block | undefined, effort: string | undefined): Block {
  if (format === undefined && effort === undefined) return {};
  return {
    output_config: { ...(effort === undefined ? {} : { effort }), ...(format === undefined ? {} : { format }) },
  };
}

/** A conversation as an Anthropic request. Throws GatewayError (400) for what must not be left out. */
export function encodeRequest(conversation: Conversation, target: Target): EncodedRequest {
  const encoding: Encoding = { conversation, target, names: createToolNames(conversation, nameRule), losses: [] };
  const { tools, toolChoice, answerTool, isForced } = encodeTools(encoding);
  const turns = encodeTurns(encoding, mayPrefill(encoding));
  const { format, instruction } = encodeFormat(encoding);
  const system = instruction === undefined ? turns.system : [...turns.system, instruction];
  const { messages } = turns;
  const { thinking, effort, maxTokens, isOn } = encodeThinking(encoding, {
    isForced,
    lacksThoughts: lacksThoughts(messages),
  });
  loseStrangers(encoding);
  limitCacheMarks({ tools, system, messages, isMarkedItself: conversation.cache !== undefined });
  const body = {
    ...encodeExtra(encoding),
    model: target.model,
    max_tokens: maxTokens,
    ...(conversation.stream ? { stream: true } : {}),
    ...systemOf(system),
    messages,
    ...(tools.length === 0 ? {} : { tools }),
    ...(toolChoice === undefined ? {} : { tool_choice: toolChoice }),
    ...(thinking === undefined ? {} : { thinking }),
    ...outputConfig(format, effort),
    ...encodeSampling(encoding, isOn),
    ...encodeStops(encoding),
    ...encodeUser(encoding),
    ...encodeServiceTier(encoding),
    ...cacheControl(conversation.cache),
  };
  return { body, losses: encoding.losses, toolNames: encoding.names.renamed(), answerTool };
}
