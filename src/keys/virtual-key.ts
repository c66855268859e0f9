import { z } from "zod";
import { addressRange } from "../config/setting-types.ts";
import { type CalendarWindow, calendarWindows, isTimeZone } from "../lib/calendar-window.ts";
import type { StoredDocument } from "../storage/document-store.ts";

/** What a key may be used for; conversations of all protocols are `chat`. */
export const keyEndpoints = [
  "chat",
  "embeddings",
  "images",
  "audio",
  "moderations",
  "rerank",
  "count_tokens",
  "opaque",
] as const;
export type KeyEndpoint = (typeof keyEndpoints)[number];

export interface KeyBudget {
  /** US dollars. */
  readonly usd: number;
  readonly window: CalendarWindow;
  /** IANA name or offset; UTC where none is named. */
  readonly timeZone?: string | undefined;
}

/** What bounds a key or a team; what is missing is not bounded. */
export interface KeyBounds {
  /** Names that may be asked for; `*` stands for anything. */
  readonly models?: readonly string[] | undefined;
  readonly rpm?: number | undefined;
  readonly tpm?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly budgets?: readonly KeyBudget[] | undefined;
}

/** A key of this gateway, without its token. A changed one is another object. */
export interface VirtualKey extends KeyBounds {
  /** `key_…`; also what records and limits call it. */
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  /** The last four characters of the token. */
  readonly last4: string;
  /** Epoch milliseconds, as all times here. */
  readonly createdAt: number;
  readonly expiresAt?: number | undefined;
  readonly enabled: boolean;
  readonly endpoints?: readonly KeyEndpoint[] | undefined;
  /** Ranges of client addresses. */
  readonly addresses?: readonly string[] | undefined;
  /** Place in queues; higher goes first, 0 is usual. */
  readonly priority?: number | undefined;
  /** How much of prompts and answers is kept: `full`, `none`, `truncate:N`. */
  readonly content?: string | undefined;
  /** May steer requests with x-orcestator-* headers; as configured where it does not say. */
  readonly maySteer?: boolean | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly teamId?: string | undefined;
  /** Since when it belongs to that team; absent = since it was made. */
  readonly teamSince?: number | undefined;
  /** The token before the last rotation, and until when it is taken. */
  readonly previous?: { readonly hash: string; readonly until: number } | undefined;
  /** Of its document. */
  readonly version: number;
}

export interface Team extends KeyBounds {
  /** `team_…` */
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly version: number;
}

/** A virtual key that may be used now, and its team. */
export interface KeyGrant {
  readonly key: VirtualKey;
  readonly team: Team | undefined;
}

export { keyKind } from "../storage/loss.ts";
export const teamKind = "team";

/** Their ids begin with it; others that are told apart in records have none like it. */
export const keyIdPrefix = "key_";
export const teamIdPrefix = "team_";

/** An instant that a date can be made of. */
export const epochMs = z.int().min(0).max(8_640_000_000_000_000);

export const timeZone = z
  .string()
  .refine(isTimeZone, { message: "must be a time zone such as Europe/Berlin or +05:30" });

/** See `VirtualKey.content`. */
export const contentRule = z
  .string()
  .regex(/^(?:full|none|truncate:\d{1,7})$/, { message: "must be full, none or truncate:N" });

const hash = z.string().regex(/^[0-9a-f]{64}$/, { message: "must be a SHA-256 in hex" });
const number = z.number().optional();

const bounds = {
  models: z.array(z.string()).optional(),
  rpm: number,
  tpm: number,
  concurrency: number,
  budgets: z
    .array(z.object({ usd: z.number(), window: z.enum(calendarWindows), timeZone: timeZone.optional() }))
    .optional(),
};

/** What nobody says of a key but the gateway that keeps it. */
export const keptOfKey = {
  hash,
  last4: z.string().regex(/^[0-9A-Za-z]{4}$/, { message: "must be four letters or digits" }),
  createdAt: epochMs,
  expiresAt: epochMs.optional(),
  enabled: z.boolean(),
  teamSince: epochMs.optional(),
  previous: z.object({ hash, until: epochMs }).optional(),
};

/** The same of a team. */
export const keptOfTeam = { createdAt: epochMs };

const storedKey = z.object({
  name: z.string(),
  ...keptOfKey,
  ...bounds,
  endpoints: z.array(z.enum(keyEndpoints)).optional(),
  addresses: z.array(addressRange).optional(),
  priority: number,
  content: contentRule.optional(),
  maySteer: z.boolean().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  teamId: z.string().optional(),
});

const storedTeam = z.object({ name: z.string(), ...keptOfTeam, ...bounds });

/** `undefined` = the document holds no key: nobody gets in by something that cannot be read whole. */
export function readKey({ id, version, value }: StoredDocument): VirtualKey | undefined {
  const { data } = storedKey.safeParse(value);
  return data && { id, ...data, version };
}

export function readTeam({ id, version, value }: StoredDocument): Team | undefined {
  const { data } = storedTeam.safeParse(value);
  return data && { id, ...data, version };
}

/** How a token is shown after the day it was made. */
export function shownToken({ last4 }: Pick<VirtualKey, "last4">): string {
  return `sk-orc-…${last4}`;
}
