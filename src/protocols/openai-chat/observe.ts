import { GatewayError } from "../../errors.ts";
import type { Observation } from "../protocol.ts";
import { decodeErrorObject, errorObjectOf } from "../upstream-error.ts";
import { readUsage } from "./usage.ts";

interface ToolCall {
  function?: { name?: unknown; arguments?: unknown } | null;
}

interface Turn {
  content?: unknown;
  reasoning?: unknown;
  reasoning_content?: unknown;
  reasoning_text?: unknown;
  reasoning_details?: unknown;
  refusal?: unknown;
  tool_calls?: unknown;
  function_call?: unknown;
  audio?: unknown;
  images?: unknown;
}

interface Choice {
  index?: unknown;
  delta?: Turn | null;
  message?: Turn | null;
  finish_reason?: unknown;
  error?: unknown;
}

/** The parts of a chunk or an answer that are looked at; none of it is checked, so every field is `unknown`. */
export interface Answer {
  object?: unknown;
  id?: unknown;
  model?: unknown;
  usage?: unknown;
  error?: unknown;
  choices?: unknown;
}

function isFilled(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return false;
  return !Array.isArray(value) || value.length > 0;
}

const contentFields = [
  "content",
  "reasoning",
  "reasoning_content",
  "reasoning_text",
  "reasoning_details",
  "refusal",
  "tool_calls",
  "function_call",
  "audio",
  "images",
] as const satisfies readonly (keyof Turn)[];

const noChoices: readonly Choice[] = [];

function isChoice(choice: unknown): choice is Choice {
  return typeof choice === "object" && choice !== null;
}

export function choicesOf(answer: Answer): readonly Choice[] {
  const choices: unknown = answer.choices;
  if (!Array.isArray(choices)) return noChoices;
  return choices.every(isChoice) ? choices : choices.filter(isChoice);
}

/** Reasoning counts; a role alone, an empty delta and Azure's `choices: []` do not. */
export function hasContent(answer: Answer): boolean {
  return choicesOf(answer).some((choice) => {
    const turn = choice.delta ?? choice.message;
    return turn !== null && turn !== undefined && contentFields.some((field) => isFilled(turn[field]));
  });
}

/** The end of an answer, also of one without any content. */
export function hasFinish(answer: Answer): boolean {
  return choicesOf(answer).some((choice) => isFilled(choice.finish_reason));
}

/** Whether an answer is a failure as a whole: it has an error, is one (vLLM), or is a list, as Gemini's are. */
function mayBeError(answer: Answer): boolean {
  return isFilled(answer.error) || answer.object === "error" || Array.isArray(answer);
}

/** The failure an upstream wrote into its answer: a top-level error, one inside a choice, or `finish_reason: "error"` alone. */
export function failureOf(answer: Answer): GatewayError | undefined {
  const top = mayBeError(answer) ? errorObjectOf(answer) : undefined;
  if (top !== undefined) return decodeErrorObject(top);
  for (const choice of choicesOf(answer)) {
    const inner = isFilled(choice.error) ? errorObjectOf(choice) : undefined;
    if (inner !== undefined) return decodeErrorObject(inner);
    if (choice.finish_reason !== "error") continue;
    return new GatewayError({
      code: "upstream_error",
      status: 502,
      message: "The upstream ended its answer with an error and did not say which.",
      retryable: true,
    });
  }
  return undefined;
}

function textOf(turn: Turn): string {
  let text = "";
  if (typeof turn.content === "string") text += turn.content;
  if (typeof turn.refusal === "string") text += turn.refusal;
  if (Array.isArray(turn.content))
    text += turn.content
      .map((part: { text?: unknown } | null) => (typeof part?.text === "string" ? part.text : ""))
      .join("");
  if (!Array.isArray(turn.tool_calls)) return text;
  for (const call of turn.tool_calls as (ToolCall | null)[]) {
    if (typeof call?.function?.name === "string" && call.function.name !== "") text += `[tool ${call.function.name}] `;
    if (typeof call?.function?.arguments === "string") text += call.function.arguments;
  }
  return text;
}

/** Adds what a chunk or an answer says to the observation. */
export function observe(observation: Observation, answer: Answer, textLimit: number): void {
  if (typeof answer.id === "string" && answer.id !== "") observation.upstreamId = answer.id;
  if (typeof answer.model === "string" && answer.model !== "") observation.model = answer.model;
  const reported = isFilled(answer.usage) ? readUsage(answer.usage) : undefined;
  if (reported !== undefined) {
    observation.usage = reported.usage;
    observation.costUsd = reported.costUsd ?? observation.costUsd;
  }
  for (const choice of choicesOf(answer)) {
    // Some servers send an empty one with every chunk.
    if (typeof choice.finish_reason === "string" && choice.finish_reason !== "")
      observation.finishReason = choice.finish_reason;
    const turn = choice.delta ?? choice.message;
    if (turn === null || turn === undefined || (choice.index ?? 0) !== 0 || observation.text.length >= textLimit)
      continue;
    observation.text = (observation.text + textOf(turn)).slice(0, textLimit);
  }
}
