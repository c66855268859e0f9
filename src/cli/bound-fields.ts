import { type CalendarWindow, calendarWindows } from "../lib/calendar-window.ts";
import { usageError } from "./output.ts";

/** What bounds a key or a team, as the command line names it. */
export const boundArguments = {
  models: {
    type: "string",
    valueHint: "a,b-*",
    description: "Models that may be used; * stands for anything (default: all)",
  },
  rpm: { type: "string", valueHint: "number", description: "Requests a minute" },
  tpm: { type: "string", valueHint: "number", description: "Tokens a minute" },
  concurrency: { type: "string", valueHint: "number", description: "Requests at the same time" },
  budget: {
    type: "string",
    valueHint: "10/day,100/month",
    description: "US dollars that may be spent an hour, day, week, month",
  },
  timeZone: { type: "string", valueHint: "zone", description: "By whose clocks budgets begin (default: UTC)" },
} as const;

/** The flags of `--clear`, and the fields they stand for. */
export const clearableBounds = {
  models: "models",
  rpm: "rpm",
  tpm: "tpm",
  concurrency: "concurrency",
  budget: "budgets",
} as const;

export type BoundArguments = Readonly<Partial<Record<keyof typeof boundArguments, string | undefined>>>;

export function listOf(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

export function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value)) return value;
  throw usageError(`--${flag} ${text}: write a whole number`);
}

interface SentBudget {
  readonly usd: number;
  readonly window: CalendarWindow;
  readonly timeZone?: string;
}

function budgetsOf({ budget, timeZone }: BoundArguments): SentBudget[] | undefined {
  const parts = listOf(budget);
  if (parts === undefined && timeZone !== undefined)
    throw usageError("--time-zone is that of budgets: write them too (--budget 10/day)");
  return parts?.map((part) => {
    const [, usd, name] = /^\$?(\d+(?:\.\d+)?)\/([a-z]+)$/.exec(part) ?? [];
    const window = calendarWindows.find((known) => known === name);
    if (usd === undefined || window === undefined)
      throw usageError(`--budget ${part}: write US dollars and a window, e.g. 10/day or 100/month`);
    return { usd: Number(usd), window, ...(timeZone === undefined ? {} : { timeZone }) };
  });
}

export function givenOnly(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The bounds that were given. Throws CliError for one that makes no sense. */
export function boundsOf(args: BoundArguments): Record<string, unknown> {
  return givenOnly({
    models: listOf(args.models),
    rpm: numberOf("rpm", args.rpm),
    tpm: numberOf("tpm", args.tpm),
    concurrency: numberOf("concurrency", args.concurrency),
    budgets: budgetsOf(args),
  });
}

export const clearArgument = {
  clear: { type: "string", valueHint: "rpm,budget", description: "Fields to take away: what is left out stays" },
} as const;

/** `null` for each field that is named, as its flag or as the API names it. Throws CliError for one that is not known. */
export function clearedOf(text: string | undefined, known: Readonly<Record<string, string>>): Record<string, null> {
  const fields = (listOf(text) ?? []).map((flag) => {
    const field = Object.hasOwn(known, flag) ? known[flag] : Object.values(known).find((name) => name === flag);
    if (field !== undefined) return [field, null] as const;
    throw usageError(`--clear ${flag}: write some of ${Object.keys(known).join(", ")}`);
  });
  return Object.fromEntries(fields);
}
