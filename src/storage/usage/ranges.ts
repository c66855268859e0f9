import { labelPart, timePart, type UsageView, usageViews } from "./views.ts";

/** Ids from `from` on, those before `to`. */
export interface IdRange {
  readonly from: string;
  readonly to: string;
}

/** What sorts behind every id that goes on with `/`. */
const behind = "0";

/** Rows of a view whose buckets start at or after an instant, and before another. */
export function viewRange(view: UsageView, since: number, before?: number): IdRange {
  const to = before === undefined ? `${view.name}${behind}` : `${view.name}/${timePart(before)}`;
  return { from: `${view.name}/${timePart(since)}`, to };
}

/** The same of one key alone, for every model and provider. */
export function keyRange(key: string, since: number, before?: number): IdRange {
  const prefix = `${usageViews.base.name}/${labelPart(key)}`;
  const to = before === undefined ? `${prefix}${behind}` : `${prefix}/${timePart(before)}`;
  return { from: `${prefix}/${timePart(since)}`, to };
}
