import type { Dialect } from "../sql/dialect.ts";
import { type Outcome, runInTurn, type Statement, type Steps } from "../sql/steps.ts";
import type { Driver, DriverQuery, DriverSession } from "./driver.ts";
import { ServerFailure, serverFailure, type ServerErrors } from "./failure.ts";

export interface PoolOptions {
  /** Opens a pool of connections; it is called again after one was given up. */
  open: () => Driver;
  dialect: Dialect;
  errors: ServerErrors;
  /** As it is shown: without a password. */
  address: string;
  /** Longest wait for everything that one call does. */
  timeoutMs: number;
  /** What begins a transaction: its text. */
  begin: string;
}

/**
 * Connections to a server, with a deadline for everything. The driver has none for queries, and a server that is frozen, or
 * died right after a connection was made, answers none: past the deadline the whole pool is given up, which ends what hangs
 * in it, and the next call opens another one. What was sent may have been done.
 */
export interface Pool {
  /** Longest wait for an answer, where a call says nothing else. */
  readonly timeoutMs: number;
  /** Statements each on their own, on any connection; a SELECT that takes too long is ended on the server. */
  read<Answer>(steps: () => Steps<Answer>, timeoutMs?: number): Promise<Answer>;
  /** All statements in one transaction. Where two were in each other's way it is tried again. */
  write<Answer>(steps: () => Steps<Answer>, timeoutMs?: number): Promise<Answer>;
  /** One connection for as long as `work` takes, without a transaction; the deadline is each statement's. */
  hold<Answer>(work: (run: Run) => Promise<Answer>, timeoutMs: number): Promise<Answer>;
  close(): Promise<void>;
}

interface Deadline {
  readonly timeoutMs: number;
  /** It is each query's, not that of all together. */
  readonly isForEach?: boolean;
}

type Watch = (query: DriverQuery) => Promise<Outcome>;

export type Run = (statement: Statement) => Promise<Outcome>;

/** A server that was asked to stop a query has this long to say that it did. */
const cancelMs = 500;
const mostTries = 4;

export function createPool(options: PoolOptions): Pool {
  const { open, dialect, errors, address, begin } = options;
  let driver: Driver | undefined;
  let isClosed = false;

  function current(): Driver {
    if (isClosed) throw new ServerFailure(`The database ${address} is not used any more.`, { retryable: false });
    try {
      driver ??= open();
      return driver;
    } catch (error) {
      throw serverFailure(error, { address, errors });
    }
  }

  function giveUp(used: Driver): void {
    if (driver === used) driver = undefined;
    used.close({ timeout: 0 }).catch(() => undefined);
  }

  function late(timeoutMs: number): ServerFailure {
    const message = `The database ${address} cannot be used: no answer within ${timeoutMs} ms.`;
    return new ServerFailure(message, { retryable: true });
  }

  /** Runs `work`, which tells of the query it waits for; past the deadline that is cancelled, or else the pool given up. */
  async function withDeadline<Answer>(
    work: (used: Driver, watch: Watch) => Promise<Answer>,
    { timeoutMs, isForEach = false }: Deadline,
  ): Promise<Answer> {
    const used = current();
    const { promise: expired, reject } = Promise.withResolvers<never>();
    let isLate = false;
    let query: DriverQuery | undefined;
    let timer = setTimeout(cancel, timeoutMs);

    function cancel(): void {
      isLate = true;
      query?.cancel();
      timer = setTimeout(end, Math.min(cancelMs, timeoutMs));
    }

    function end(): void {
      reject(late(timeoutMs));
      giveUp(used);
    }

    async function watch(started: DriverQuery): Promise<Outcome> {
      query = started;
      if (isForEach) {
        clearTimeout(timer);
        timer = setTimeout(cancel, timeoutMs);
      }
      const result = await started;
      if (isForEach) clearTimeout(timer);
      return { rows: result, changed: result.affectedRows ?? 0 };
    }

    try {
      return await Promise.race([work(used, watch), expired]);
    } catch (error) {
      throw isLate ? late(timeoutMs) : serverFailure(error, { address, errors });
    } finally {
      clearTimeout(timer);
    }
  }

  function inSession<Answer>(work: (run: Run) => Promise<Answer>, deadline: Deadline): Promise<Answer> {
    return withDeadline(async (used, watch) => {
      const session = await used.reserve();
      const run: Run = ({ sql, values }) => watch(session.unsafe(dialect.text(sql), [...values]));
      try {
        return await work(run);
      } finally {
        release(session);
      }
    }, deadline);
  }

  async function inTransaction<Answer>(steps: () => Steps<Answer>, timeoutMs: number): Promise<Answer> {
    return inSession(
      async (run) => {
        await run({ sql: begin, values: [] });
        try {
          const answer = await runInTurn(steps(), run);
          await run({ sql: "COMMIT", values: [] });
          return answer;
        } catch (error) {
          // On a connection that is gone the server has rolled back by itself.
          await run({ sql: "ROLLBACK", values: [] }).catch(() => undefined);
          throw error;
        }
      },
      { timeoutMs },
    );
  }

  return {
    timeoutMs: options.timeoutMs,
    read: (steps, timeoutMs = options.timeoutMs) =>
      withDeadline(
        (used, watch) => {
          const run: Run = ({ sql, values }) =>
            watch(used.unsafe(dialect.text(dialect.bounded(sql, timeoutMs)), [...values]));
          return runInTurn(steps(), run);
        },
        { timeoutMs },
      ),
    async write(steps, timeoutMs = options.timeoutMs) {
      for (let tries = 1; ; tries += 1) {
        try {
          return await inTransaction(steps, timeoutMs);
        } catch (error) {
          if (!(error instanceof ServerFailure) || !error.isContention || tries === mostTries) throw error;
        }
      }
    },
    hold: (work, timeoutMs) => inSession(work, { timeoutMs, isForEach: true }),
    async close() {
      isClosed = true;
      await driver?.close({ timeout: 1 }).catch(() => undefined);
      driver = undefined;
    },
  };
}

function release(session: DriverSession): void {
  try {
    session.release();
  } catch {
    // Its pool was given up meanwhile.
  }
}
