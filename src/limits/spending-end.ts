/** What the others are to be told of a lease when it is over. */
export interface SpendingEnd {
  readonly lease: string;
  readonly accounts: readonly string[];
  /** Of the accounts' windows, in the same order; `undefined` = this gateway's clock is wrong: those that run count it. */
  readonly starts: readonly number[] | undefined;
  /** What it came to. */
  readonly amount: number;
  /** Its reservation had no answer, and may arrive after this: it must then be known. */
  readonly mayBeEarly?: boolean | undefined;
  /** By the clock of this gateway, milliseconds. */
  readonly letInAt: number;
}
