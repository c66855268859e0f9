import { clientField } from "../canonical/client-field.ts";
import type { EncodedRequest, Target } from "../canonical/codec.ts";
import type { Conversation } from "../canonical/conversation.ts";
import { isSilentField } from "../canonical/silent-fields.ts";
import { createToolNames, type NameRule } from "../canonical/tool-names.ts";
import { lose, loseSetting, type Encoding } from "./encoding.ts";
import { writeContents } from "./write-contents.ts";
import { formatInstruction, writeSettings } from "./write-settings.ts";
import { writeTools } from "./write-tools.ts";

const nameRule: NameRule = {
  legal: /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/,
  foreign: /[^a-zA-Z0-9_.:-]/g,
  start: /^[a-zA-Z_]/,
  longest: 64,
};

const serviceTiers = ["standard", "flex", "priority"];

function writeServiceTier({ serviceTier }: Conversation, encoding: Encoding): { serviceTier?: string } {
  if (serviceTier === undefined || serviceTier === "auto" || serviceTier === "default") return {};
  if (serviceTiers.includes(serviceTier)) return { serviceTier };
  loseSetting(encoding, "serviceTier");
  return {};
}

const settingsPath = "generationConfig.";

/** What only this protocol knows goes back where it was; what only others know is lost. */
function writeExtra({ protocol, extra }: Conversation, encoding: Encoding) {
  const body: [string, unknown][] = [];
  const settings: [string, unknown][] = [];
  for (const [field, value] of Object.entries(extra)) {
    if (protocol !== "gemini-generate") {
      if (!isSilentField(field, value)) lose(encoding, field);
    } else if (field.startsWith(settingsPath)) settings.push([field.slice(settingsPath.length), value]);
    else body.push([field, value]);
  }
  return { body: Object.fromEntries(body), settings: Object.fromEntries(settings) };
}

/** A conversation as a request; model and stream go into the URL. Throws GatewayError (400) for what may not be left out. */
export function writeRequest(conversation: Conversation, target: Target): EncodedRequest {
  const { protocol } = conversation;
  const names = createToolNames(conversation, nameRule);
  const encoding: Encoding = { protocol, target, names, list: clientField(protocol, "turns"), losses: [] };
  const { system, contents } = writeContents(conversation.turns, encoding);
  const instruction = formatInstruction(conversation, encoding);
  const texts = instruction === undefined ? system : [...system, instruction];
  const extra = writeExtra(conversation, encoding);
  const generationConfig = { ...extra.settings, ...writeSettings(conversation, encoding) };
  const body = {
    ...extra.body,
    contents,
    ...(texts.length === 0 ? {} : { systemInstruction: { parts: texts.map((text) => ({ text })) } }),
    ...writeTools(conversation, encoding),
    ...(Object.keys(generationConfig).length === 0 ? {} : { generationConfig }),
    ...writeServiceTier(conversation, encoding),
  };
  return { body, losses: encoding.losses, toolNames: names.renamed() };
}
