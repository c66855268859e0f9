import type { Effort, ReasoningWish } from "../canonical/conversation.ts";
import { nearestEffort, wantedEffort } from "../canonical/effort.ts";
import type { ModelTraits } from "../canonical/model-traits.ts";
import type { Fields } from "../fields.ts";
import { loseSetting, type Encoding } from "./encoding.ts";

const levelOfEffort: Readonly<Record<Effort, string>> = {
  none: "MINIMAL",
  minimal: "MINIMAL",
  low: "LOW",
  medium: "MEDIUM",
  high: "HIGH",
  xhigh: "HIGH",
  max: "HIGH",
};

const budgetOfEffort: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 512,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
};

function levelOf(wish: ReasoningWish, taken: ModelTraits["efforts"]): Fields {
  const effort = wantedEffort(wish);
  return effort === undefined ? {} : { thinkingLevel: levelOfEffort[nearestEffort(effort, taken)] };
}

function budgetOf({ effort, budget }: ReasoningWish, taken: ModelTraits["efforts"]): Fields {
  if (budget !== undefined) return { thinkingBudget: budget === "dynamic" ? -1 : budget };
  return effort === undefined ? {} : { thinkingBudget: budgetOfEffort[nearestEffort(effort, taken)] };
}

/** `thinkingConfig`; empty when there is nothing to say. Level and budget never stand together: that is refused. */
export function writeThinking(wish: ReasoningWish | undefined, encoding: Encoding): Fields {
  if (wish === undefined) return {};
  const { geminiThinking, efforts: taken } = encoding.target.traits;
  if (geminiThinking === "none") {
    const isWanted = (wish.effort ?? "none") !== "none" || wish.budget !== undefined;
    if (isWanted) loseSetting(encoding, "reasoning", "the model does not think");
    return {};
  }
  const thinkingConfig = {
    ...(geminiThinking === "level" ? levelOf(wish, taken) : budgetOf(wish, taken)),
    ...(wish.isShown === undefined ? {} : { includeThoughts: wish.isShown }),
  };
  return Object.keys(thinkingConfig).length === 0 ? {} : { thinkingConfig };
}
