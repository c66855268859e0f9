/** A finished query as the driver gives it. */
export interface DriverResult extends ReadonlyArray<Readonly<Record<string, unknown>>> {
  readonly affectedRows?: number;
}

export interface DriverQuery extends Promise<DriverResult> {
  /** Asks the server to stop; where it cannot be asked, this does nothing. */
  cancel(): unknown;
}

/** One connection, for as long as somebody holds it. */
export interface DriverSession {
  unsafe(text: string, values: unknown[]): DriverQuery;
  release(): unknown;
}

/** What is used of the driver: a pool of connections, opened when they are needed. */
export interface Driver {
  unsafe(text: string, values: unknown[]): DriverQuery;
  reserve(): Promise<DriverSession>;
  /** With `timeout: 0` everything under way is rejected and every connection closed at once. */
  close(options: { timeout: number }): Promise<void>;
}
