import type { Effort, ReasoningWish } from "../canonical/conversation.ts";
import { nearestEffort, wantedEffort } from "../canonical/effort.ts";
import type { ModelTraits } from "../canonical/model-traits.ts";
import { lose, type Block, type Encoding } from "./encoding.ts";

export interface EncodedThinking {
  thinking: Block | undefined;
  effort: string | undefined;
  maxTokens: number;
  isOn: boolean;
}

export interface ThinkingFacts {
  /** The model must call a tool. */
  isForced: boolean;
  /** The tools of a turn are running whose thoughts are not at hand. */
  lacksThoughts: boolean;
}

/** What a model gets that nobody knows anything of, when the client does not say either. */
const usualMaxTokens = 32_000;

/** What is asked for where the client does not say how long an answer may become: the protocol demands a bound. */
export function unaskedMaxTokens({ maxOutputTokens }: Pick<ModelTraits, "maxOutputTokens">): number {
  return maxOutputTokens ?? usualMaxTokens;
}
const smallestBudget = 1024;

/** Tokens that an effort stands for, where a model thinks by a budget. */
export const thinkingBudgets: Readonly<Record<Exclude<Effort, "none">, number>> = {
  minimal: 1024,
  low: 4096,
  medium: 8192,
  high: 16_384,
  xhigh: 24_576,
  max: 32_000,
};
const dynamicBudget = thinkingBudgets.high;

const ownEfforts: readonly Effort[] = ["low", "medium", "high", "xhigh", "max"];

/** Whether a client asks for thoughts at all; that it does not want to see any is no wish for some. */
export function wantsThinking(wish: ReasoningWish | undefined): wish is ReasoningWish {
  if (wish === undefined || wish.effort === "none" || wish.budget === 0) return false;
  return wish.effort !== undefined || wish.budget !== undefined || wish.isShown === true || wish.summary !== undefined;
}

function isOff(wish: ReasoningWish | undefined): boolean {
  return wish?.effort === "none" || wish?.budget === 0;
}

function displayOf({ isShown, summary }: ReasoningWish): Block {
  if (isShown === false) return { display: "omitted" };
  return isShown === true || summary !== undefined ? { display: "summarized" } : {};
}

function maxTokensOf(encoding: Encoding): number {
  const { conversation, target } = encoding;
  const most = target.traits.maxOutputTokens;
  const asked = conversation.maxOutputTokens;
  if (asked === undefined) return unaskedMaxTokens(target.traits);
  if (most === undefined || asked <= most) return Math.floor(asked);
  lose(encoding, "maxOutputTokens", `brought down to ${most}, the most that the model writes`);
  return most;
}

function adaptive(wish: ReasoningWish, encoding: Encoding): Omit<EncodedThinking, "maxTokens"> {
  const asked = wantedEffort(wish);
  const taken = encoding.target.traits.efforts;
  return {
    thinking: { type: "adaptive", ...displayOf(wish) },
    effort:
      asked === undefined
        ? undefined
        : nearestEffort(
            asked,
            ownEfforts.filter((effort) => taken?.includes(effort) ?? true),
          ),
    isOn: true,
  };
}

function budgetOf({ effort, budget }: ReasoningWish): number {
  if (typeof budget === "number") return Math.max(smallestBudget, Math.floor(budget));
  return effort === undefined || effort === "none" ? dynamicBudget : thinkingBudgets[effort];
}

/** Why a model that thinks by a budget cannot think now; `undefined` when it can. */
function obstacleOf({ isForced, lacksThoughts }: ThinkingFacts): string | undefined {
  if (isForced) return "the model cannot think before a tool call that it is made to do";
  return lacksThoughts ? "the thoughts that led to the running tool calls are not at hand" : undefined;
}

/** A budget is part of `max_tokens` and must leave room in it: the room that was asked for comes on top. */
function budgeted(wish: ReasoningWish, maxTokens: number, encoding: Encoding): EncodedThinking {
  const most = encoding.target.traits.maxOutputTokens ?? Infinity;
  const budget = budgetOf(wish);
  const raised = budget < maxTokens ? maxTokens : Math.min(most, budget + maxTokens);
  const fitting = budget < maxTokens ? budget : Math.min(budget, raised - Math.min(maxTokens, smallestBudget));
  if (fitting < smallestBudget) {
    lose(encoding, "reasoning", "the model has no room to think in so short an answer");
    return { thinking: undefined, effort: undefined, maxTokens, isOn: false };
  }
  const display = wish.isShown === false ? { display: "omitted" } : {};
  const thinking = { type: "enabled", budget_tokens: fitting, ...display };
  return { thinking, effort: undefined, maxTokens: raised, isOn: true };
}

/** How much the model shall think, in the way it knows, and how much it may write. */
export function encodeThinking(encoding: Encoding, facts: ThinkingFacts): EncodedThinking {
  const wish = encoding.conversation.reasoning;
  const kind = encoding.target.traits.thinking;
  const maxTokens = maxTokensOf(encoding);
  const off: EncodedThinking = { thinking: undefined, effort: undefined, maxTokens, isOn: false };
  if (kind !== "none" && isOff(wish)) return { ...off, thinking: { type: "disabled" } };
  // An answer of no tokens only warms the cache.
  if (!wantsThinking(wish) || maxTokens === 0) return off;
  if (kind === "adaptive") return { ...adaptive(wish, encoding), maxTokens };
  const obstacle = kind === "none" ? "the model does not think" : obstacleOf(facts);
  if (obstacle === undefined) return budgeted(wish, maxTokens, encoding);
  lose(encoding, "reasoning", obstacle);
  return off;
}
