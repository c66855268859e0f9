import { alarms } from "../lib/alarms.ts";

export interface LineStreamOptions {
  /** Calls `onLine` for each line until all are told or `signal` aborts. */
  tell: (told: { signal: AbortSignal; onLine: (line: string) => void }) => Promise<void>;
  /** Ends the stream, e.g. because its reader went away. */
  signal: AbortSignal;
  heartbeatMs: number;
  /** Lines that may wait for the reader. One that falls behind further is let go: they would pile up here. */
  mostWaiting: number;
}

/** Lines in one piece of the stream, so that a slow reader is not handed everything at once. */
const linesAtOnce = 500;

/** Lines as server-sent events, with a comment whenever there was none for a while. */
export function createLineStream({
  tell,
  signal,
  heartbeatMs,
  mostWaiting,
}: LineStreamOptions): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const stop = new AbortController();
  const waiting: string[] = [];
  let state: "new" | "telling" | "over" = "new";
  let isCancelled = false;
  let failure: unknown;
  let wake: (() => void) | undefined;

  function end(error?: unknown): void {
    if (state === "over") return;
    state = "over";
    failure = error;
    stop.abort();
    wake?.();
  }

  function begin(controller: ReadableStreamDefaultController<Uint8Array>): void {
    state = "telling";
    const onLine = (line: string): void => {
      if (state === "over") return;
      waiting.push(line);
      wake?.();
      if (waiting.length <= mostWaiting) return;
      waiting.length = 0;
      const error = new Error(`the reader fell ${mostWaiting} lines behind`);
      end(error);
      controller.error(error);
    };
    void tell({ signal: AbortSignal.any([signal, stop.signal]), onLine }).then(() => end(), end);
  }

  /** Waits for a line or the end, but no longer than a heart-beat. */
  async function news(): Promise<void> {
    if (waiting.length > 0 || state === "over") return;
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const callOff = alarms.set(heartbeatMs, resolve);
    await promise;
    wake = undefined;
    callOff();
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (state === "new") begin(controller);
      await news();
      if (isCancelled) return;
      if (waiting.length > 0) {
        const lines = waiting.splice(0, linesAtOnce);
        controller.enqueue(encoder.encode(lines.map((line) => `data: ${line}\n\n`).join("")));
        return;
      }
      if (state !== "over") controller.enqueue(encoder.encode(": ping\n\n"));
      else if (failure === undefined) controller.close();
      else controller.error(failure);
    },
    cancel() {
      isCancelled = true;
      end();
    },
  });
}
