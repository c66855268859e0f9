import { invalidRequest } from "../../errors.ts";
import { parseDuration } from "../../lib/duration.ts";

/** Epoch milliseconds of `7d`, `2026-11-20`, or an ISO time. Throws GatewayError (400). */
export function readSince(since: string): number {
  const duration = parseDuration(since);
  const time = duration === undefined ? Date.parse(since) : Date.now() - duration;
  if (Number.isFinite(time)) return Math.max(0, time);
  throw invalidRequest("since must be a duration such as 7d, or a time such as 2026-11-20T00:00:00Z.", "since");
}

export const sinceParameter = {
  name: "since",
  in: "query",
  required: false,
  description: "A duration (7d) or a time; default 30d",
  schema: { type: "string" },
};
