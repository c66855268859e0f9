import type { GatewayError } from "../errors.ts";
import { createCancellation, type Cancellation, type ForkedLeg } from "./cancellation.ts";

/** What a request gets of work that others may have waited for too. */
export interface Landed<T> {
  readonly value: T;
  /** True for one of all that waited to the end, the longest-waiting: what the work has cost is told with it. */
  readonly isPayer: boolean;
}

interface Joining<T> {
  /** Equal for requests that want the same. */
  readonly key: string;
  /** The request's own: when it stops, the request leaves, and the work goes on for the others. */
  readonly cancellation: Cancellation;
  /** Called where nobody is at the same work; it stops by the cancellation that it is given, and by no request's own. */
  readonly work: (cancellation: Cancellation) => Promise<T>;
}

/** Requests that want the same at the same time. */
export interface SingleFlight<T> {
  /**
   * The result of the work for `key`, which is begun where none is under way. Rejects with the request's own reason when
   * that stops first, else with whatever the work rejects with.
   */
  join(joining: Joining<T>): Promise<Landed<T>>;
  /** Pieces of work that have not ended. */
  active(): number;
}

/** One request that waits. */
interface Rider<T> {
  readonly deadline: number;
  resolve(landed: Landed<T>): void;
  reject(reason: unknown): void;
}

/** The work's reason to stop: that nobody waits any more. */
class FlightCancellation<T> implements Cancellation {
  private readonly riders: ReadonlySet<Rider<T>>;
  private readonly own = createCancellation(new AbortController().signal, Number.POSITIVE_INFINITY);

  constructor(riders: ReadonlySet<Rider<T>>) {
    this.riders = riders;
  }

  /** As long as anybody waits. */
  get deadline(): number {
    let latest = 0;
    for (const { deadline } of this.riders) latest = Math.max(latest, deadline);
    return latest;
  }

  begin(): ReturnType<Cancellation["begin"]> {
    return this.own.begin();
  }

  reason(): GatewayError | undefined {
    return this.own.reason();
  }

  cancel(reason: GatewayError): void {
    this.own.cancel(reason);
  }

  onStop(listener: (reason: GatewayError) => void): void {
    this.own.onStop(listener);
  }

  fork(): ForkedLeg {
    return this.own.fork();
  }

  end(): void {
    this.own.end();
  }
}

interface Flight<T> {
  readonly riders: Set<Rider<T>>;
  readonly cancellation: Cancellation;
  /** Nobody may join later (`performance.now()`): else work that never ends would be handed on from one to the next. */
  readonly joinableUntil: number;
}

interface SingleFlightOptions<T> {
  /** What all but the payer get. */
  copyOf: (value: T) => T;
  now?: () => number;
}

/** Work that is done once for all who want it at the same time. */
export function createSingleFlight<T>({
  copyOf,
  now = () => performance.now(),
}: SingleFlightOptions<T>): SingleFlight<T> {
  const joinable = new Map<string, Flight<T>>();
  let active = 0;

  function forget(key: string, flight: Flight<T>): void {
    if (joinable.get(key) === flight) joinable.delete(key);
  }

  function newFlight(key: string, joinableUntil: number): Flight<T> {
    const riders = new Set<Rider<T>>();
    const flight = { riders, cancellation: new FlightCancellation(riders), joinableUntil };
    joinable.set(key, flight);
    return flight;
  }

  /** Those that still wait, in the order they came; none of them can leave any more. */
  function disembark(key: string, flight: Flight<T>): Rider<T>[] {
    const waiting = [...flight.riders];
    flight.riders.clear();
    flight.cancellation.end();
    forget(key, flight);
    return waiting;
  }

  async function fly({ key, work }: Joining<T>, flight: Flight<T>): Promise<void> {
    active += 1;
    try {
      const value = await work(flight.cancellation);
      for (const [index, rider] of disembark(key, flight).entries()) rider.resolve({ value, isPayer: index === 0 });
    } catch (error) {
      for (const rider of disembark(key, flight)) rider.reject(error);
    } finally {
      active -= 1;
    }
  }

  function copied(landed: Landed<T>): Landed<T> {
    return landed.isPayer ? landed : { value: copyOf(landed.value), isPayer: false };
  }

  function seat({ key, cancellation }: Joining<T>, flight: Flight<T>): Promise<Landed<T>> {
    const landed = new Promise<Landed<T>>((resolve, reject) => {
      const rider = { deadline: cancellation.deadline, resolve, reject };
      flight.riders.add(rider);
      const leg = cancellation.fork();
      leg.begin().onStop((stopped) => {
        if (!flight.riders.delete(rider)) return;
        const reason = cancellation.reason();
        reject(reason ?? stopped);
        if (flight.riders.size > 0 || reason === undefined) return;
        forget(key, flight);
        flight.cancellation.cancel(reason);
      });
    });
    return landed.then(copied);
  }

  return {
    active: () => active,
    join(joining) {
      const { key, cancellation } = joining;
      const reason = cancellation.reason();
      if (reason !== undefined) return Promise.reject(reason);
      const running = joinable.get(key);
      if (running !== undefined && now() < running.joinableUntil) return seat(joining, running);
      const flight = newFlight(key, cancellation.deadline);
      const landed = seat(joining, flight);
      void fly(joining, flight);
      return landed;
    },
  };
}
