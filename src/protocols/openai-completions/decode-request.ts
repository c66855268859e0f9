import { invalidRequest } from "../../errors.ts";
import type { Conversation, Loss } from "../canonical/conversation.ts";
import { filledOf, type Fields } from "../fields.ts";
import { readSettings, settingFields } from "../openai-chat/decode-settings.ts";
import { readBoolean } from "../request-fields.ts";

const elsewhere = "only upstreams that speak this protocol themselves take it";

/** One text, bare or alone in a list. */
function readPrompt({ prompt }: Fields): string {
  if (typeof prompt === "string") return prompt;
  if (!Array.isArray(prompt)) throw invalidRequest("`prompt` must be a text.", "prompt");
  const [first, ...others] = prompt as unknown[];
  if (typeof first === "string" && others.length === 0) return first;
  const what = prompt.every((entry) => typeof entry === "string") ? "More than one prompt" : "A prompt of tokens";
  throw invalidRequest(`${what} (\`prompt\`): ${elsewhere}; send one text.`, "prompt");
}

/** Fields that ask for another kind of answer, and the values of them that do not. */
const unsupported: Readonly<Record<string, (value: unknown) => boolean>> = {
  suffix: (value) => value === "",
  echo: (value) => value === false,
  best_of: (value) => value === 1 || value === 0,
  logprobs: (value) => value === false,
  n: (value) => value === 1,
};

function refuseUnsupported(body: Fields): void {
  for (const [field, isOrdinary] of Object.entries(unsupported)) {
    const value = body[field];
    if (value === undefined || value === null || isOrdinary(value)) continue;
    throw invalidRequest(`\`${field}\`: ${elsewhere}; leave it out.`, field);
  }
}

/** Fields that have a place in a conversation, that were refused, or that only say how the answer is carried. */
const placed = new Set([
  ...settingFields,
  ...Object.keys(unsupported),
  "model",
  "prompt",
  "stream",
  "stream_options",
  "usage",
]);

/** A text to go on from, as what a user says. Throws GatewayError (400) that names what no chat model can be asked. */
export function decodeCompletionRequest(body: Fields): Conversation {
  const text = readPrompt(body);
  refuseUnsupported(body);
  const losses: Loss[] = [];
  const { logprobs: _logprobs, ...settings } = body;
  const rest = Object.entries(body).filter(([field, value]) => !placed.has(field) && value !== null && value !== false);
  return {
    protocol: "openai-completions",
    model: filledOf(body["model"]),
    stream: readBoolean(body, "stream") ?? false,
    turns: [{ role: "user", parts: [{ type: "text", text }] }],
    tools: [],
    ...readSettings(settings, losses),
    extra: Object.fromEntries(rest),
    losses,
  };
}
