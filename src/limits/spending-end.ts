/** What the others are to be told of a lease when it is over. */
export interface SpendingEnd {
  readonly lease: string;
  /** And the starts of their windows, in the same order. */
  readonly accounts: readonly string[];
  readonly starts: readonly number[];
  /** What it came to. */
  readonly amount: number;
  /** By the clock of this gateway, milliseconds. */
  readonly letInAt: number;
}
