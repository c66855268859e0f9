import { type GatewayError, invalidRequest } from "../../errors.ts";
import type { Target } from "../canonical/codec.ts";
import type { Conversation, Effort, Loss, OutputFormat } from "../canonical/conversation.ts";
import { nearestEffort, wantedEffort } from "../canonical/effort.ts";
import { isSilentField } from "../canonical/silent-fields.ts";
import { clientField, type Setting } from "../canonical/client-field.ts";
import { defined, type Fields } from "../fields.ts";

type Spoken = Pick<Conversation, "reasoning" | "extra" | "protocol">;

const noOllama = "not supported by ollama-chat";

/** Other clients' fields are lost; what an Ollama client set beside the known options goes on. */
function splitExtra({ extra, protocol }: Spoken): { options: [string, unknown][]; losses: Loss[] } {
  const isOllama = protocol === "ollama-chat" || protocol === "ollama-generate";
  const options: [string, unknown][] = [];
  const losses: Loss[] = [];
  for (const [key, value] of Object.entries(extra)) {
    if (isOllama && key.startsWith("options.")) options.push([key.slice("options.".length), value]);
    else if (!isSilentField(key, value)) losses.push({ field: key, reason: noOllama });
  }
  return { options, losses };
}

const thinkOfEffort: Readonly<Record<Effort, boolean | string>> = {
  none: false,
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "max",
  max: "max",
};

/** Ollama refuses a level for all models but these. */
const takesLevels = /gpt-oss/i;

/**
 * How hard to think; `undefined` leaves it to the model. Models that can think do so unless they are told not to, and
 * Ollama refuses `think: true` for one that cannot: a wish to see thoughts alone says nothing.
 */
function thinkOf({ reasoning }: Spoken, { model, traits }: Target): boolean | string | undefined {
  if (reasoning === undefined) return undefined;
  const wanted = wantedEffort(reasoning);
  if (wanted === undefined) return undefined;
  // It can be turned off always.
  if (wanted === "none") return thinkOfEffort.none;
  return takesLevels.test(model) ? thinkOfEffort[nearestEffort(wanted, traits.efforts)] : undefined;
}

function formatOf(format: OutputFormat | undefined): unknown {
  if (format?.type === "json") return "json";
  return format?.type === "schema" ? format.schema : undefined;
}

function severalAnswers({ protocol }: Conversation): GatewayError {
  const field = clientField(protocol, "count");
  return invalidRequest(`\`${field}\` must be 1: Ollama gives one answer to a request; send it again for more.`, field);
}

/** The settings beside the messages and the tools. Throws GatewayError (400) where more than one answer is asked for. */
export function encodeSettings(conversation: Conversation, target: Target): { body: Fields; losses: Loss[] } {
  if ((conversation.count ?? 1) > 1) throw severalAnswers(conversation);
  const { options: further, losses } = splitExtra(conversation);
  const options = defined({
    ...Object.fromEntries(further),
    num_predict: conversation.maxOutputTokens,
    temperature: conversation.temperature,
    top_p: conversation.topP,
    top_k: conversation.topK,
    min_p: conversation.minP,
    seed: conversation.seed,
    stop: conversation.stop.length === 0 ? undefined : conversation.stop,
    repeat_penalty: conversation.repetitionPenalty,
    presence_penalty: conversation.presencePenalty,
    frequency_penalty: conversation.frequencyPenalty,
  });
  const { logprobs } = conversation;
  const body = defined({
    format: formatOf(conversation.format),
    options: Object.keys(options).length === 0 ? undefined : options,
    think: thinkOf(conversation, target),
    logprobs: logprobs === undefined ? undefined : true,
    top_logprobs: logprobs === undefined || logprobs.top === 0 ? undefined : logprobs.top,
  });
  return { body, losses: [...losses, ...lostSettings(conversation)] };
}

function lostSettings(conversation: Conversation): Loss[] {
  const { protocol, logitBias, verbosity, serviceTier } = conversation;
  const lost: Setting[] = [];
  if (logitBias !== undefined && Object.keys(logitBias).length > 0) lost.push("logitBias");
  if (verbosity !== undefined) lost.push("verbosity");
  if (!isSilentField("service_tier", serviceTier)) lost.push("serviceTier");
  return lost.map((setting) => ({ field: clientField(protocol, setting), reason: noOllama }));
}
