import type { FaultPlaceId } from "../support/fault-connections.ts";
import type { FaultProtocol } from "../support/fault-wire.ts";
import type { ToldCode } from "./told.ts";

/** What is configured for every provider of the wall, in milliseconds. */
export const limits = { connect: 200, firstByte: 400, idle: 400, progress: 600, total: 3000 } as const;
export const retries = 2;
/** Seconds that clients are told to wait where the upstream named no time. */
export const usualWait = 30;

/** The answer is whole, as if nothing were odd. */
export interface Good {
  kind: "good";
  /** Further events or missing numbers stand in it, which the upstream wrote. */
  isLax: boolean;
  closes: Closing | undefined;
}

/** Nothing of it reaches the client: another target answers, or there is a status. */
export interface Fails {
  kind: "fails";
  code: ToldCode;
  /** Tried again on the same target while nothing else is left. */
  again: boolean;
  /** Tried on the next target. */
  next: boolean;
  closes: Closing | undefined;
  /** Where nothing else is left it is better than nothing: the client gets it as it is. */
  passesAlone: boolean;
  /** Bounds of the Retry-After that a client may be told, in seconds; `undefined` = there is none. */
  retryAfter: readonly [number, number] | undefined;
}

/** Content has gone to the client: the stream ends with its protocol's error. */
export interface Breaks {
  kind: "breaks";
  code: ToldCode;
  closes: Closing | undefined;
}

/**
 * The gateway closes the connection so many milliseconds after the fault, or within such a time; `undefined` = the
 * upstream has, or nobody must.
 */
export type Closing = number | { within: number };

export type Expectation = Good | Fails | Breaks;

/** Whose answer it is, and on whose behalf. */
export interface Where {
  upstream: FaultProtocol;
  client: FaultProtocol;
}

export type Expecting = Expectation | ((where: Where) => Expectation | undefined) | undefined;

/** A row of the table of faults. */
export interface Row {
  /** In words, for the name of a test. */
  what: string;
  /** What the upstream does, as it stands in the model's name … */
  fault: string;
  /** … or where it stands that nothing can be sent to. */
  place?: FaultPlaceId;
  /** Breaks every connection before it has carried an answer, so that none is ever used again. */
  isDeadly?: boolean;
  /** Its providers are used by no other row: their credentials do not survive it. */
  isOwn?: boolean;
  stream: Expecting;
  whole: Expecting;
  /** Upstreams that cannot fail like that. */
  not?: readonly FaultProtocol[];
}

interface FailOptions {
  again?: boolean;
  next?: boolean;
  closes?: Closing;
  passesAlone?: boolean;
  retryAfter?: readonly [number, number];
}

export function good(options: { isLax?: boolean; closes?: Closing } = {}): Good {
  return { kind: "good", isLax: options.isLax ?? false, closes: options.closes };
}

export function fails(code: ToldCode, options: FailOptions = {}): Fails {
  const { again = false, next = true, passesAlone = false, closes, retryAfter } = options;
  return { kind: "fails", code, again, next, passesAlone, closes, retryAfter };
}

export function breaks(code: ToldCode, closes?: Closing): Breaks {
  return { kind: "breaks", code, closes };
}

export function expectationOf(expecting: Expecting, where: Where): Expectation | undefined {
  return typeof expecting === "function" ? expecting(where) : expecting;
}

/** Failures that another target mends sooner than a second try. */
const betterElsewhere: readonly ToldCode[] = [
  "upstream_unreachable",
  "upstream_overloaded",
  "upstream_timeout",
  "rate_limit_exceeded",
];

/** Requests that one target gets which fails so. */
export function attemptsOf({ again, code }: Fails, hasMore: boolean): number {
  if (!again || (hasMore && betterElsewhere.includes(code))) return 1;
  return 1 + retries;
}
