import { setTimeout as sleep } from "node:timers/promises";
import type { RequestRecord } from "../telemetry/request-record.ts";
import type { RecordSink } from "../telemetry/sink.ts";
import { createSinkLane, fullBatch, type SinkLane } from "./sink-lane.ts";

export interface RecordWriterOptions {
  sinks: readonly RecordSink[];
  /** Most records that wait for a sink; the newest are dropped beyond it. */
  capacity?: number;
  /** Longest wait of a record before its sinks are called, in ms. */
  flushMs?: number;
  /** Records a sink will never see: its queue was full, or its write failed. */
  onDrop: (sinkName: string, count: number) => void;
  /** A sink threw: a batch was lost, or waits because the sink is away. */
  onError: (sinkName: string, error: unknown) => void;
}

/** Takes finished records off the hot path and brings them to every sink in batches. */
export interface RecordWriter {
  /** Never throws, never waits. */
  push(record: RequestRecord): void;
  /** Writes what has been pushed so far; a batch that met a sink that is locked or away stays for the next flush. */
  flush(): Promise<void>;
  /** Writes everything, closes the sinks, gives up after 2 s. */
  close(): Promise<void>;
  /** Records not yet in the slowest sink. */
  depth(): number;
}

const closeMs = 2000;
const closeRetryMs = 50;

export function createRecordWriter(options: RecordWriterOptions): RecordWriter {
  const { sinks, capacity = 10_000, flushMs = 100, onDrop, onError } = options;
  const lanes = sinks.map((sink) => createSinkLane({ sink, capacity, onDrop, onError }));
  let inbox: RequestRecord[] = [];
  let overflow = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closing: Promise<void> | undefined;

  function deepest(): number {
    return Math.max(0, ...lanes.map((lane) => lane.depth()));
  }

  function reportOverflow(): void {
    const count = overflow;
    overflow = 0;
    if (count > 0) for (const lane of lanes) onDrop(lane.name, count);
  }

  function arm(): void {
    timer ??= setTimeout(tick, flushMs);
    timer.unref();
  }

  /** Records that wait outlive a garbage collection, which costs more than writing them: a full batch does not wait. */
  function hurry(): void {
    clearTimeout(timer);
    timer = setTimeout(tick, 0);
  }

  function distribute(): void {
    clearTimeout(timer);
    timer = undefined;
    const records = inbox;
    inbox = [];
    reportOverflow();
    if (records.length > 0) for (const lane of lanes) lane.offer(records);
  }

  async function drainLane(lane: SinkLane, when?: "now"): Promise<void> {
    await lane.drain(when);
    if (lane.depth() > 0 && closing === undefined) arm();
  }

  function tick(): void {
    distribute();
    for (const lane of lanes) void drainLane(lane);
  }

  async function flush(): Promise<void> {
    distribute();
    await Promise.all(lanes.map((lane) => drainLane(lane, "now")));
  }

  async function writeRest(signal: AbortSignal): Promise<void> {
    await flush();
    while (deepest() > 0 && !signal.aborted) {
      await sleep(closeRetryMs);
      await flush();
    }
  }

  async function closeSink(sink: RecordSink): Promise<void> {
    try {
      await sink.close();
    } catch (error) {
      onError(sink.name, error);
    }
  }

  async function closeAll(): Promise<void> {
    const limit = new AbortController();
    const stop = setTimeout(() => limit.abort(), closeMs);
    const timeUp = new Promise<void>((resolve) => limit.signal.addEventListener("abort", () => resolve()));
    await Promise.race([writeRest(limit.signal), timeUp]);
    for (const lane of lanes) lane.abandon();
    await Promise.race([Promise.all(sinks.map(closeSink)), timeUp]);
    clearTimeout(stop);
  }

  function push(record: RequestRecord): void {
    if (inbox.length >= capacity || closing !== undefined) overflow += 1;
    else inbox.push(record);
    if (closing !== undefined) reportOverflow();
    else if (timer === undefined) arm();
    else if (inbox.length === fullBatch) hurry();
  }

  return {
    push,
    flush,
    close() {
      closing ??= closeAll();
      return closing;
    },
    depth: () => inbox.length + deepest(),
  };
}
