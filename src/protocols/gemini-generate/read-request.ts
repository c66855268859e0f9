import type { PathFacts } from "../canonical/codec.ts";
import type { Conversation } from "../canonical/conversation.ts";
import type { Fields } from "../fields.ts";
import { otherFields, protoField, protoObject, protoText } from "./proto-fields.ts";
import { readContents, readSystem } from "./read-contents.ts";
import { readSettings } from "./read-settings.ts";
import { readToolChoice, readTools } from "./read-tools.ts";

const known = new Set([
  "model",
  "contents",
  "systemInstruction",
  "tools",
  "toolConfig",
  "generationConfig",
  "serviceTier",
  "generateContentRequest",
]);

function modelOf(body: Fields, path: PathFacts): string | undefined {
  const model = path.model ?? protoText(body, "model")?.replace(/^models\//, "");
  return model === "" ? undefined : model;
}

/**
 * A request as a conversation, also one inside `countTokens`' `generateContentRequest`. Throws GatewayError (400) that
 * names what cannot be read.
 */
export function readRequest(outer: Fields, path: PathFacts): Conversation {
  const inner = protoObject(outer, "generateContentRequest", "generateContentRequest");
  const body = inner !== undefined && protoField(outer, "contents") === undefined ? inner : outer;
  const { turns, losses } = readContents(protoField(body, "contents"));
  const tools = readTools(body);
  const { toolChoice, losses: choiceLosses } = readToolChoice(body);
  const { settings, extra, losses: settingLosses } = readSettings(body);
  const serviceTier = protoText(body, "serviceTier")?.toLowerCase();
  return {
    protocol: "gemini-generate",
    model: modelOf(body, path),
    stream: path.stream === true,
    turns: [...readSystem(protoField(body, "systemInstruction")), ...turns],
    tools: tools.tools,
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...settings,
    ...(serviceTier === undefined ? {} : { serviceTier }),
    extra: Object.fromEntries([...otherFields(body, known), ...Object.entries(extra)]),
    losses: [...losses, ...tools.losses, ...choiceLosses, ...settingLosses],
  };
}
