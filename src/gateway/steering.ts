import { strategies, type Strategy } from "../config/schema-routing.ts";
import { invalidRequest } from "../errors.ts";
import { parseDuration } from "../lib/duration.ts";
import type { Steering } from "../routing/route.ts";

const prefix = "x-orcestator-";
const longestTimeoutMs = 24 * 60 * 60 * 1000;
const mostRetries = 10;
const furthestPriority = 100;

const namedPriorities: ReadonlyMap<string, number> = new Map([
  ["low", -1],
  ["normal", 0],
  ["high", 1],
]);

function strategyOf(text: string | null): Strategy | undefined {
  if (text === null) return undefined;
  const strategy = strategies.find((name) => name === text.trim().toLowerCase());
  if (strategy !== undefined) return strategy;
  throw invalidRequest(`${prefix}strategy must be one of ${strategies.join(", ")}.`);
}

function timeoutOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  const milliseconds = parseDuration(text.trim());
  if (milliseconds !== undefined && milliseconds > 0 && milliseconds <= longestTimeoutMs) return milliseconds;
  throw invalidRequest(`${prefix}timeout must be a duration such as 30s or 1500ms, at most 24h.`);
}

function wholeNumber(name: string, text: string | null, [least, most]: readonly [number, number]): number | undefined {
  if (text === null) return undefined;
  const value = Number(text.trim() === "" ? Number.NaN : text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalidRequest(`${prefix}${name} must be a whole number from ${least} to ${most}.`);
}

function priorityOf(text: string | null): number {
  const named = text === null ? undefined : namedPriorities.get(text.trim().toLowerCase());
  return named ?? wholeNumber("priority", text, [-furthestPriority, furthestPriority]) ?? 0;
}

/** What a trusted caller asks for by header; `undefined` = nothing. Throws GatewayError (400) for a value that makes no sense. */
export function steeringOf(headers: Headers): Steering | undefined {
  const provider = headers.get("x-orcestator-provider");
  const strategy = headers.get("x-orcestator-strategy");
  const timeout = headers.get("x-orcestator-timeout");
  const retries = headers.get("x-orcestator-retries");
  const priority = headers.get("x-orcestator-priority");
  if (provider === null && strategy === null && timeout === null && retries === null && priority === null)
    return undefined;
  const providers = (provider ?? "").split(",").map((name) => name.trim());
  return {
    providers: providers.filter((name) => name !== ""),
    strategy: strategyOf(strategy),
    timeoutMs: timeoutOf(timeout),
    retries: wholeNumber("retries", retries, [0, mostRetries]),
    priority: priorityOf(priority),
  };
}
