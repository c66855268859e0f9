import { z } from "zod";
import { shownUsd } from "../lib/shown-usd.ts";
import { priceSchema } from "./pack-price.ts";
import type { EndReason, Operation, RequestRecord, UsageSource } from "./request-record.ts";
import { storyOf } from "./story.ts";
import { trailOf } from "./trail-of.ts";
import { trailSchema, withoutNulls } from "./trail-schema.ts";

const text = z.string();
const maybeText = text.nullish();
const count = z.number();
const maybeNumber = count.nullish();

const usage = z.object({
  input: maybeNumber.describe("Input tokens neither read from nor written to a prompt cache"),
  cacheRead: maybeNumber,
  cacheWrite: maybeNumber,
  output: maybeNumber.describe("Output tokens without reasoning"),
  reasoning: maybeNumber,
});

/** One finished request as the API tells of it in a list; `null` = not known. */
export const requestRowSchema = z.object({
  id: text,
  startedAt: count.describe("Epoch milliseconds"),
  operation: text,
  protocol: text.describe("What the client spoke"),
  task: maybeText,
  keyId: text.describe("A key's label, or anonymous"),
  clientAddress: maybeText,
  userAgent: maybeText,
  modelAsked: text,
  modelServed: maybeText,
  provider: maybeText,
  stream: z.boolean(),
  status: count.describe("What the client saw; 499 when it left first"),
  endReason: text,
  errorCode: maybeText,
  errorMessage: maybeText,
  attempts: count.describe("Requests sent upstream"),
  retries: count,
  credential: maybeText.describe("Label of the credential used last, never the key"),
  lane: maybeText,
  usage,
  usageSource: text,
  costUsd: maybeNumber.describe("US dollars"),
  costSource: z.enum(["upstream", "computed"]).nullish().describe("Who says what it cost"),
  priceUsed: priceSchema.nullish().describe("What the target charges by, where it is known"),
  upstreamId: maybeText,
  finishReason: maybeText,
  latencyMs: count,
  ttftMs: maybeNumber,
  overheadMs: count,
  dropped: z.array(text).describe("Fields that could not be carried to the upstream"),
});

/** One finished request with everything that is known of it. */
export const requestViewSchema = requestRowSchema.extend({
  userText: text.optional().describe("Only where content is kept"),
  assistantText: text.optional().describe("Only where content is kept"),
  decisions: trailSchema.nullish().describe("Why it went where it went; null = nothing was sent upstream"),
  summary: z.array(text).describe("The same in sentences for people"),
});

type RequestRow = Omit<RequestRecord, "trail" | "userText" | "assistantText">;

export function requestRow(record: RequestRecord): RequestRow {
  const { trail: _trail, packedTrail: _packed, userText: _user, assistantText: _assistant, ...row } = record;
  return { ...row, costUsd: shownUsd(row.costUsd) };
}

export function requestView(record: RequestRecord): object {
  const { userText, assistantText } = record;
  return {
    ...requestRow(record),
    ...(userText === undefined ? {} : { userText }),
    ...(assistantText === undefined ? {} : { assistantText }),
    decisions: trailOf(record),
    summary: storyOf(record),
  };
}

/** A view as JSON; what is not known is `null` and not missing. */
export function viewJson(view: unknown, indent?: number): string {
  return JSON.stringify(view, (_key, value: unknown) => (value === undefined ? null : value), indent);
}

/** The record behind a view that was read from JSON; `undefined` when it is none. */
export function recordOfView(view: unknown): RequestRecord | undefined {
  const { data } = requestViewSchema.safeParse(view);
  if (data === undefined) return undefined;
  const { decisions, summary: _summary, ...fields } = data;
  const known = withoutNulls({ ...fields, trail: decisions }) as RequestRecord;
  return {
    ...known,
    operation: fields.operation as Operation,
    endReason: fields.endReason as EndReason,
    usageSource: fields.usageSource as UsageSource,
  };
}
