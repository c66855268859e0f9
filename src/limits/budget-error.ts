import { GatewayError } from "../errors.ts";
import { perWindow } from "../lib/calendar-window.ts";
import type { BudgetRefusal } from "./budget-ledger.ts";

const mostUsd = 1e9;

/** US dollars for people: cents, and more digits where it takes them. */
function usdText(usd: number): string {
  // An answer may be asked for that is longer than anything.
  if (usd > mostUsd) return `more than ${mostUsd.toLocaleString("en-US")} USD`;
  const digits = usd >= 1 || usd === 0 ? 2 : Math.min(9, 2 - Math.floor(Math.log10(usd)));
  return `${usd.toFixed(digits)} USD`;
}

/** 429 that says what is spent of what, and when it begins anew. */
export function budgetError(refusal: BudgetRefusal, now: number): GatewayError {
  const { owner, budget, spentUsd, reservedUsd, wantedUsd, resetsAt, isShare = false } = refusal;
  const whose = `The budget of the ${owner.kind} ${owner.id}`;
  const used = `${usdText(spentUsd)} of ${usdText(budget.usd)} ${perWindow(budget.window)} are spent`;
  const reserved = reservedUsd > 0 ? `, ${usdText(reservedUsd)} are reserved for requests at work` : "";
  const share = isShare ? ", of the rest this gateway may spend its part only until Redis is back" : "";
  const wanted = `and this request may cost ${usdText(wantedUsd)}`;
  const advice = wantedUsd > budget.usd ? " Lower its max_tokens, or raise the budget." : "";
  const anew = `It begins anew at ${new Date(resetsAt).toISOString().replace(/\.000Z$/, "Z")}.`;
  return new GatewayError({
    code: "insufficient_quota",
    status: 429,
    message: `${whose} has no room for this request: ${used}${reserved}${share}, ${wanted}. ${anew}${advice}`,
    retryAfterSeconds: Math.max(1, Math.ceil((resetsAt - now) / 1000)),
  });
}
