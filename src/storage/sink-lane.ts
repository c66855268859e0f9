import { GatewayError } from "../errors.ts";
import { errorCode } from "../lib/error-code.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import type { RecordSink } from "../telemetry/sink.ts";

export interface SinkLaneOptions {
  sink: RecordSink;
  /** Most records that wait for this sink. */
  capacity: number;
  onDrop: (sinkName: string, count: number) => void;
  onError: (sinkName: string, error: unknown) => void;
}

/** The queue before one sink. Lanes know nothing of each other: a slow or failing sink holds up only its own. */
export interface SinkLane {
  readonly name: string;
  /** Takes what there is room for and counts the rest as dropped. */
  offer(records: readonly RequestRecord[]): void;
  /**
   * Writes until nothing waits, or until a sink that is locked or away asks for a pause; `now` = without waiting for the end
   * of a pause. Never rejects.
   */
  drain(when?: "in-time" | "now"): Promise<void>;
  /** Records not yet written, those of a running write too. */
  depth(): number;
  /** Gives up what waits, counted as dropped. */
  abandon(): void;
}

/** Small enough that one transaction does not hold up the event loop, large enough that its overhead vanishes. */
const maxBatch = 500;
/** So many are not kept waiting for more: those that end until they are written fit into the same batch. */
export const fullBatch = 400;

const lockedCode = /^(?:SQLITE_BUSY|SQLITE_LOCKED|EBUSY|EAGAIN)/;

/** Whether somebody else holds the file just now. */
function isLocked(error: unknown): boolean {
  return lockedCode.test(errorCode(error));
}

/**
 * Whether time may mend it: a server that is down takes the same batch when it is back, a full disk when there is room, a file
 * when whoever locked it is done.
 */
function isAway(error: unknown): boolean {
  if (error instanceof GatewayError) return error.retryable;
  if (isLocked(error)) return true;
  return errorCode(error) === "SQLITE_FULL";
}

/** Pauses between tries while a sink is away. It is back in use this long after its return at the latest. */
const firstPauseMs = 100;
const longestPauseMs = 2000;

export function createSinkLane({ sink, capacity, onDrop, onError }: SinkLaneOptions): SinkLane {
  let waiting: RequestRecord[] = [];
  /** Of one batch what is left to be written: as a whole, or in the parts that a refusal made of it. */
  let parts: readonly RequestRecord[][] = [];
  let pauseMs = 0;
  let pausedUntil = 0;
  let isRunning = false;
  let running = Promise.resolve();

  function inParts(): number {
    return parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** The first part was refused: half of it may be taken. */
  function refused(error: unknown): void {
    const [part = [], ...rest] = parts;
    if (sink.isAllOrNothing === true && part.length > 1) {
      const middle = part.length >> 1;
      parts = [part.slice(0, middle), part.slice(middle), ...rest];
      return;
    }
    parts = rest;
    onError(sink.name, error);
    if (part.length > 0) onDrop(sink.name, part.length);
  }

  function pause(error: unknown): void {
    // Processes that share a file meet each other now and then: that is nothing to tell.
    if (pauseMs > 0 || !isLocked(error)) onError(sink.name, error);
    pauseMs = Math.min(longestPauseMs, Math.max(firstPauseMs, pauseMs * 2));
    pausedUntil = performance.now() + pauseMs;
  }

  async function writeWaiting(): Promise<void> {
    while (parts.length > 0 || waiting.length > 0) {
      const [part = waiting.splice(0, maxBatch)] = parts;
      if (parts.length === 0) parts = [part];
      try {
        await sink.write(part);
        parts = parts.slice(1);
        pauseMs = 0;
      } catch (error) {
        if (isAway(error)) {
          pause(error);
          return;
        }
        refused(error);
      }
      // Requests come first: let them have the event loop between two batches.
      if (parts.length > 0 || waiting.length > 0) await new Promise(setImmediate);
    }
  }

  async function run(): Promise<void> {
    isRunning = true;
    try {
      await writeWaiting();
    } finally {
      isRunning = false;
    }
  }

  return {
    name: sink.name,
    offer(records) {
      const room = Math.max(0, capacity - waiting.length);
      for (const record of records.length > room ? records.slice(0, room) : records) waiting.push(record);
      if (records.length > room) onDrop(sink.name, records.length - room);
    },
    drain(when = "in-time") {
      const isPaused = when === "in-time" && performance.now() < pausedUntil;
      if (!isRunning && !isPaused) running = run();
      return running;
    },
    depth: () => waiting.length + inParts(),
    abandon() {
      const count = waiting.length + inParts();
      waiting = [];
      parts = [];
      if (count > 0) onDrop(sink.name, count);
    },
  };
}
