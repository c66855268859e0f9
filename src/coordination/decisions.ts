/** One scope of limits; what is `undefined` is not bounded. */
export interface ScopeBounds {
  /** Unique: kind and id. */
  readonly key: string;
  /** Requests and tokens a minute, which begins with its first request. */
  readonly rpm?: number | undefined;
  readonly tpm?: number | undefined;
  readonly concurrency?: number | undefined;
}

/** Takes of all scopes or of none. */
export interface TakeLimits {
  /** Unique for ever. */
  readonly lease: string;
  /** Places of who does not renew them for so long are free again. */
  readonly ttlMs: number;
  /** Estimate, a whole number. */
  readonly tokens: number;
  /** Where no place is free, this one waits: whoever gives one back is told (`LimitsSettled.awaited`). */
  readonly isWaiting: boolean;
  readonly scopes: readonly ScopeBounds[];
}

export interface LimitsTaken {
  readonly isTaken: boolean;
  /** The limit by the minute that is in the way for the longest time; `scope` counts from 0. */
  readonly rate?: { readonly scope: number; readonly by: "rpm" | "tpm"; readonly retryAfterMs: number } | undefined;
  /** Scopes without a free place, counted from 0. */
  readonly full: readonly number[];
}

/** What a lease holds ends; each half counts once, in whatever order and however often it is said. */
export interface SettleLimits {
  readonly lease: string;
  /** Keys of its scopes that bound tokens or places. */
  readonly scopes: readonly string[];
  /** What was really used, a whole number, takes the place of the estimate; `undefined` = not told now. */
  readonly tokens?: number | undefined;
  /** Its places are given back, and it is over. */
  readonly isOver: boolean;
}

export interface LimitsSettled {
  /** Keys of scopes where a place came free that somebody waits for: to be published. */
  readonly awaited: readonly string[];
}

/** Leases that are still at work. What was lost meanwhile (another Redis, an empty one) is put back. */
export interface RenewLeases {
  readonly ttlMs: number;
  readonly leases: readonly {
    readonly lease: string;
    /** Keys of scopes in which it has a place. */
    readonly places: readonly string[];
  }[];
}

/** One account of one budget. Amounts are whole numbers of whatever unit the caller counts in, below 2^53. */
export interface AccountBounds {
  readonly key: string;
  readonly most: number;
  /** The window, epoch milliseconds. One that is over is not brought back by a clock that is behind. */
  readonly start: number;
  readonly end: number;
  /** What is spent as far as the caller knows, for where nothing is known of this window. */
  readonly seed: number;
}

/** Sets an amount aside in all accounts or in none. What arrives after its end was told holds nothing, and is not refused. */
export interface ReserveBudgets {
  /** Unique for ever. */
  readonly lease: string;
  /** Beyond it the reservation comes back; what it came to is charged also then. */
  readonly ttlMs: number;
  readonly amount: number;
  readonly accounts: readonly AccountBounds[];
}

export interface BudgetsReserved {
  readonly isReserved: boolean;
  /** Accounts without room, counted from 0. */
  readonly refused: readonly { readonly account: number; readonly spent: number; readonly reserved: number }[];
  /** Nothing was decided: a window begins more than `mostAheadMs` later than it is here (epoch milliseconds). */
  readonly timeHere?: number | undefined;
}

/**
 * What is spent by requests that are over, whoever served them. An account that is not known, or of an earlier window, begins with
 * it, or with its `seed` where that is more; one of a later window stays as it is, and one whose window does not begin for more than
 * `mostAheadMs` is not made. Said again it changes nothing.
 */
export interface RaiseBudgets {
  readonly accounts: readonly RaisedAccount[];
}

export interface RaisedAccount extends Omit<AccountBounds, "most"> {
  /** At least. */
  readonly spent: number;
}

/** What it came to takes the place of what was set aside, once, in the windows it was set aside in. */
export interface SettleBudgets {
  readonly lease: string;
  readonly accounts: readonly string[];
  /**
   * Starts of their windows, in the same order: to an account that is in another one, nothing is added where the lease is not
   * known. Left out = whichever it is in.
   */
  readonly starts?: readonly number[] | undefined;
  readonly amount: number;
  /**
   * It was let in so long ago. Where its lease is not known (`budgets.reserve` could not be reached, or all was lost since) the
   * amount is added, also once, unless the account was made so much later that what was stored, with which it began, has it.
   */
  readonly ageMs: number;
  /** Other leases, whose end nobody tells again: they need not be remembered any more. */
  readonly answered?: readonly string[] | undefined;
}

/** Whose failures are counted. */
export interface FailureSubject {
  /** Of all subjects of one kind. */
  readonly list: string;
  readonly name: string;
}

export interface BoundedSubject extends FailureSubject {
  /** Failures that cost no waiting; after that 1 s, and each further one twice as long as the one before. */
  readonly free: number;
  /** No failure costs more. */
  readonly longestMs: number;
}

/** A failure of all subjects or, where one of them has to wait, of none. They are on different lists. */
export interface CountFailure {
  readonly subjects: readonly BoundedSubject[];
  /** So long after its last failure a subject is forgotten. */
  readonly rememberedMs: number;
  /** On each list: where there are more, those that failed longest ago are forgotten. */
  readonly mostNames: number;
}

export interface FailureCounted {
  /** The longest that one of them has to wait; 0 = it counts. */
  readonly waitMs: number;
}

/** A failure was none: it does not count, and nobody waits for it. */
export interface ForgiveFailure {
  /** `isCleared`: nor does any other of this subject. */
  readonly subjects: readonly (FailureSubject & { readonly isCleared: boolean })[];
}

/** Something short that everybody may read for a while: who is there, which circuits are open. */
export interface PutNote {
  readonly board: string;
  readonly id: string;
  /** An empty text takes it away. */
  readonly text: string;
  readonly ttlMs: number;
}

export interface ListNotes {
  readonly board: string;
}

export interface Notes {
  readonly notes: readonly { readonly id: string; readonly text: string }[];
}

/** Puts a text on a shelf, for everybody. All texts of one shelf are given for the same time. */
export interface PutText {
  readonly shelf: string;
  readonly id: string;
  /** Takes the place of what has this id; an empty text takes it away. One larger than the whole shelf changes nothing. */
  readonly text: string;
  readonly ttlMs: number;
  /** Of all texts of this shelf as UTF-8, with `textBytes` for each. The oldest go when there are more. */
  readonly maxBytes: number;
}

export interface GetText {
  readonly shelf: string;
  readonly id: string;
}

export interface TextFound {
  /** `undefined` = it is not there, or not any more. */
  readonly text: string | undefined;
}

/** Every decision by its name: JSON in, JSON out. */
export interface Decisions {
  "limits.take": { input: TakeLimits; output: LimitsTaken };
  "limits.settle": { input: SettleLimits; output: LimitsSettled };
  "leases.renew": { input: RenewLeases; output: null };
  "budgets.reserve": { input: ReserveBudgets; output: BudgetsReserved };
  "budgets.raise": { input: RaiseBudgets; output: null };
  "budgets.settle": { input: SettleBudgets; output: null };
  "failures.count": { input: CountFailure; output: FailureCounted };
  "failures.forgive": { input: ForgiveFailure; output: null };
  "notes.put": { input: PutNote; output: null };
  "notes.list": { input: ListNotes; output: Notes };
  "shelf.put": { input: PutText; output: null };
  "shelf.get": { input: GetText; output: TextFound };
}

export type DecisionName = keyof Decisions;
export type DecisionInput<Name extends DecisionName> = Decisions[Name]["input"];
export type DecisionOutput<Name extends DecisionName> = Decisions[Name]["output"];

/** How long a reservation is remembered beyond its time, for one that is settled late, and an end, for one whose answer was lost. */
export const lateSettleMs = 3_600_000;
/** How long it is remembered that somebody waits for a place: they say so again before. */
export const awaitedMs = 5000;
/** Bytes that a text on a shelf counts for besides its own: its id, and what finds it. */
export const textBytes = 256;
/** Whose clock is further ahead opens no window. */
export const mostAheadMs = 60_000;
/** After that, what one gateway has spent is stored and known to all. */
export const storedAfterMs = 3000;
