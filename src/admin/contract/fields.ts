import { z } from "zod";
import { epochMs, timeZone } from "../../keys/virtual-key.ts";
import { calendarWindows } from "../../lib/calendar-window.ts";

/** Parts that several resources have. Times go in as ISO 8601 or epoch milliseconds, and come out as ISO 8601. */

const longestName = 200;
const mostModels = 500;
const mostBudgets = 8;
const count = z.int().min(1).max(1_000_000_000);

/** They would forge lines where names are shown; half a surrogate pair cannot be shown, nor sent, as what it is. */
const unshown = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;
const isShown = (text: string): boolean => !unshown.test(text);
const mustBeShown = { message: "must not have control characters or half a surrogate pair" };

export const name = z.string().trim().min(1).max(longestName).refine(isShown, mustBeShown).describe("For people");

const budget = z.strictObject({
  usd: z.number().min(0).max(1_000_000_000).describe("US dollars"),
  window: z.enum(calendarWindows).describe("Begins with the hour, the day, Monday or the first of the month"),
  timeZone: timeZone.optional().describe("By whose clocks (default UTC)"),
});

function hasOneOfEach(budgets: readonly { window: string }[]): boolean {
  return new Set(budgets.map(({ window }) => window)).size === budgets.length;
}

/** Bounds of a key or a team. `null` = not bounded, as where it is left out. */
export const bounds = {
  models: z
    .array(z.string().trim().min(1).max(200))
    .min(1)
    .max(mostModels)
    .nullish()
    .describe("Names that may be asked for; * stands for anything; all where it is left out"),
  rpm: count.nullish().describe("Requests a minute"),
  tpm: count.nullish().describe("Tokens a minute"),
  concurrency: count.nullish().describe("Requests at the same time"),
  budgets: z
    .array(budget)
    .max(mostBudgets)
    .refine(hasOneOfEach, { message: "must have at most one budget for each window" })
    .nullish()
    .describe("What may be spent; reserved when a request comes, settled when it ends"),
};

const noTime = "must be a time such as 2026-12-31T00:00:00Z, a date such as 2026-12-31, or epoch milliseconds";

export const instant = z
  .union([z.iso.datetime({ offset: true, message: noTime }), z.iso.date({ message: noTime }), epochMs], {
    message: noTime,
  })
  .describe("ISO 8601, of a date alone its midnight in UTC, or epoch milliseconds");

export function epochMsOf(time: z.infer<typeof instant>): number {
  return typeof time === "number" ? time : Date.parse(time);
}

export const tags = z
  .record(z.string().min(1).max(64).refine(isShown, mustBeShown), z.string().max(256).refine(isShown, mustBeShown))
  .refine((entries) => Object.keys(entries).length <= 50, { message: "must have at most 50 entries" });

/** An id as `createId` makes it. */
export function idOf(prefix: string) {
  return z
    .string()
    .regex(new RegExp(`^${prefix}[0-9a-z]{24}$`), { message: `must be ${prefix} and 24 letters or digits` });
}

/** Of a change: it is refused when somebody else was faster. */
export const version = z
  .int()
  .min(1)
  .optional()
  .describe("The version the change was made of; another one is a conflict");

/** As `version`, of what may also stand in the configuration's file alone. */
export const entryVersion = z
  .int()
  .min(0)
  .optional()
  .describe("The version the change was made of, 0 = none was made before; another one is a conflict");

/** What every provider and model is told with, besides what was written of it. */
export const entryView = z.looseObject({
  id: z.string(),
  name: z.string(),
  origin: z.string().describe("`overlay` = made by this API; else where it was written"),
  origins: z.record(z.string(), z.string()).describe("Field → where its value was written"),
  version: z.number().describe("Of the change that is laid over it; 0 = none is"),
  problem: z.string().optional().describe("Why what is stored of it is not served: secrets of it cannot be opened"),
});

/** Fields by their names alone. */
export function rawFields<Name extends string>(
  shape: Readonly<Record<Name, unknown>>,
): Record<Name, z.ZodOptional<z.ZodUnknown>> {
  const fields = Object.keys(shape).map((name) => [name, z.unknown().optional()] as const);
  return Object.fromEntries(fields) as Record<Name, z.ZodOptional<z.ZodUnknown>>;
}

export const spending = z.array(
  z.object({
    ...budget.shape,
    spentUsd: z
      .number()
      .describe(
        "Settled, here and by further gateways: also what was charged by estimate where no cost is known, so it may be more than `costUsd`",
      ),
    reservedUsd: z.number().describe("By requests at work"),
    resetsAt: z.string().describe("End of the window"),
  }),
);

/** What comes out: a bound that is not set is left out. */
export const boundsView = {
  models: z.array(z.string()).optional(),
  rpm: z.number().optional(),
  tpm: z.number().optional(),
  concurrency: z.number().optional(),
  budgets: z.array(budget).optional(),
};

const mostListed = 500;

export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(mostListed).default(50),
  cursor: z.string().min(1).max(200).optional().describe("`cursor` of the page before"),
});

export function pageOf<View extends z.ZodType>(view: View) {
  return z.object({
    data: z.array(view).describe("The newest first"),
    cursor: z.string().nullable().describe("Of the next page; null = this is the last"),
  });
}

export interface Page<View> {
  readonly data: readonly View[];
  readonly cursor: string | null;
}

const mostTogether = 100;

const id = z.string().min(1).max(200);

/** Several changes at once. The form of all is checked before the first is made; then each succeeds or fails by itself. */
export function batchOf<Create extends z.ZodType, Patch extends z.ZodRawShape>(create: Create, patch: Patch) {
  return z
    .strictObject({
      create: z.array(create).default([]),
      update: z.array(z.strictObject({ ...patch, id })).default([]),
      delete: z.array(id).default([]),
    })
    .refine((batch) => batch.create.length + batch.update.length + batch.delete.length <= mostTogether, {
      message: `must have at most ${mostTogether} changes`,
    });
}

/** One outcome for each change: those that create, those that update, those that delete, each in their order. */
export const batchOutcome = z.object({
  results: z.array(
    z.object({
      action: z.enum(["create", "update", "delete"]),
      status: z.int().describe("As the single change would have answered"),
      id: z.string().optional(),
      result: z.unknown().optional().describe("What it would have answered"),
      error: z.object({ code: z.string(), message: z.string() }).optional(),
    }),
  ),
});
export type BatchOutcome = z.infer<typeof batchOutcome>;
