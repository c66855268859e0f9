import {
  awaitedMs,
  type BudgetsReserved,
  type DecisionInput,
  type DecisionName,
  type DecisionOutput,
  type FailureSubject,
  lateSettleMs,
  type LimitsTaken,
  mostAheadMs,
  storedAfterMs,
  textBytes,
  type TextFound,
} from "../decisions.ts";
import budgetsAccount from "./scripts/budgets-account.lua" with { type: "text" };
import budgetsRaise from "./scripts/budgets-raise.lua" with { type: "text" };
import budgetsReserve from "./scripts/budgets-reserve.lua" with { type: "text" };
import budgetsSettle from "./scripts/budgets-settle.lua" with { type: "text" };
import failuresCount from "./scripts/failures-count.lua" with { type: "text" };
import failuresForgive from "./scripts/failures-forgive.lua" with { type: "text" };
import leasesRenew from "./scripts/leases-renew.lua" with { type: "text" };
import limitsSettle from "./scripts/limits-settle.lua" with { type: "text" };
import limitsTake from "./scripts/limits-take.lua" with { type: "text" };
import notesList from "./scripts/notes-list.lua" with { type: "text" };
import notesPut from "./scripts/notes-put.lua" with { type: "text" };
import prelude from "./scripts/prelude.lua" with { type: "text" };
import shelfGet from "./scripts/shelf-get.lua" with { type: "text" };
import shelfPut from "./scripts/shelf-put.lua" with { type: "text" };

/** One decision as Redis makes it. */
export interface Script<Name extends DecisionName> {
  readonly source: string;
  readonly sha: string;
  /** All keys it touches, without the prefix. */
  readonly keys: (input: DecisionInput<Name>) => string[];
  /** `ARGV`; the time is `undefined` where it is the server's. */
  readonly words: (input: DecisionInput<Name>, now: number | undefined) => string[];
  readonly read: (reply: unknown) => DecisionOutput<Name>;
}

type Described<Name extends DecisionName> = Pick<Script<Name>, "keys" | "read"> & {
  readonly body: string;
  /** `ARGV[3]` and on. */
  readonly numbers?: readonly number[];
  /** A long text goes beside the JSON, as the last word: nobody else is served while a script decodes. */
  readonly split?: (input: DecisionInput<Name>) => readonly [input: DecisionInput<Name>, text: string];
};

function script<Name extends DecisionName>(described: Described<Name>): Script<Name> {
  const { body, keys, numbers = [], split, read } = described;
  const source = `${prelude}\n${body}`;
  const sha = new Bun.CryptoHasher("sha1").update(source).digest("hex");
  return {
    source,
    sha,
    keys,
    words(input, now) {
      const [short, ...texts] = split?.(input) ?? [input];
      return [JSON.stringify(short), String(now ?? ""), ...numbers.map(String), ...texts];
    },
    read,
  };
}

function list(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

function takenOf(reply: unknown): LimitsTaken {
  const [isTaken, scope, by, retryAfterMs, ...full] = list(reply);
  const rate = {
    scope: Number(scope),
    by: by === "tpm" ? ("tpm" as const) : ("rpm" as const),
    retryAfterMs: Number(retryAfterMs),
  };
  return { isTaken: isTaken === 1, rate: rate.scope < 0 ? undefined : rate, full: full.map(Number) };
}

function reservedOf(reply: unknown): BudgetsReserved {
  if (typeof reply === "string") return { isReserved: false, refused: [], timeHere: Number(reply) };
  const refused = list(reply).map((one) => {
    const [account, spent, reserved] = list(one).map(Number);
    return { account: account ?? 0, spent: spent ?? 0, reserved: reserved ?? 0 };
  });
  return { isReserved: refused.length === 0, refused };
}

function foundOf(reply: unknown): TextFound {
  return { text: typeof reply === "string" ? reply : undefined };
}

function pairs(reply: unknown): { id: string; text: string }[] {
  const texts = list(reply).map(String);
  return Array.from({ length: texts.length / 2 }, (_, at) => ({
    id: texts[2 * at] ?? "",
    text: texts[2 * at + 1] ?? "",
  }));
}

function nothing(): null {
  return null;
}

function scopeKeys(key: string): string[] {
  return [`counts:${key}`, `places:${key}`];
}

function shelfKeys(shelf: string): [texts: string, ends: string] {
  return [`texts:${shelf}`, `ends:${shelf}`];
}

function accountKeys(key: string): string[] {
  return [`budget:${key}`, `open:${key}`];
}

function failureKeys({ list }: FailureSubject): string[] {
  return [`tallies:${list}`, `failed:${list}`];
}

/** One script for each decision. */
export const scripts: { readonly [Name in DecisionName]: Script<Name> } = {
  "limits.take": script({
    body: limitsTake,
    keys: ({ lease, scopes }) => [`lease:${lease}`, ...scopes.flatMap(({ key }) => scopeKeys(key))],
    numbers: [awaitedMs],
    read: takenOf,
  }),
  "limits.settle": script({
    body: limitsSettle,
    keys: ({ lease, scopes }) => [`lease:${lease}`, ...scopes.flatMap(scopeKeys)],
    read: (reply) => ({ awaited: list(reply).map(String) }),
  }),
  "leases.renew": script({
    body: leasesRenew,
    keys: ({ leases }) =>
      leases.flatMap(({ lease, places }) => [`lease:${lease}`, ...places.map((key) => `places:${key}`)]),
    read: nothing,
  }),
  "budgets.reserve": script({
    body: `${budgetsAccount}\n${budgetsReserve}`,
    keys: ({ lease, accounts }) => [`money:${lease}`, ...accounts.flatMap(({ key }) => accountKeys(key))],
    numbers: [lateSettleMs, mostAheadMs],
    read: reservedOf,
  }),
  "budgets.raise": script({
    body: `${budgetsAccount}\n${budgetsRaise}`,
    keys: ({ accounts }) => accounts.flatMap(({ key }) => accountKeys(key)),
    numbers: [lateSettleMs, mostAheadMs],
    read: nothing,
  }),
  "budgets.settle": script({
    body: budgetsSettle,
    keys: ({ lease, accounts, answered = [] }) => [
      `money:${lease}`,
      ...accounts.flatMap(accountKeys),
      ...answered.map((over) => `money:${over}`),
    ],
    numbers: [lateSettleMs, storedAfterMs],
    read: nothing,
  }),
  "failures.count": script({
    body: failuresCount,
    keys: ({ subjects }) => subjects.flatMap(failureKeys),
    read: (reply) => ({ waitMs: Number(reply) }),
  }),
  "failures.forgive": script({
    body: failuresForgive,
    keys: ({ subjects }) => subjects.flatMap(failureKeys),
    read: nothing,
  }),
  "notes.put": script({ body: notesPut, keys: ({ board }) => [`notes:${board}`], read: nothing }),
  "notes.list": script({
    body: notesList,
    keys: ({ board }) => [`notes:${board}`],
    read: (reply) => ({ notes: pairs(reply) }),
  }),
  "shelf.put": script({
    body: shelfPut,
    keys: ({ shelf }) => [...shelfKeys(shelf), `bytes:${shelf}`],
    numbers: [textBytes],
    split: ({ text, ...input }) => [{ ...input, text: "" }, text],
    read: nothing,
  }),
  "shelf.get": script({ body: shelfGet, keys: ({ shelf }) => shelfKeys(shelf), read: foundOf }),
};
