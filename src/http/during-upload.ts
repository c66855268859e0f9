import { alarms } from "../lib/alarms.ts";

export interface DiscardLimits {
  /** Bytes of the body that are read and thrown away at most. */
  bytes: number;
  /** Time for all of them. */
  totalMs: number;
  /** A client that sends nothing for so long has stopped, and waits for the end of the answer. */
  quietMs: number;
}

const usual: DiscardLimits = { bytes: 64 << 20, totalMs: 5000, quietMs: 1000 };

/** Reads a body and throws it away until it ends or a limit is met; never rejects. */
function createDiscard(body: ReadableStream<Uint8Array>, { bytes, totalMs, quietMs }: DiscardLimits) {
  const reader = body.getReader();
  const stop = (): void => void reader.cancel().catch(() => undefined);

  /** Bytes of the next piece; `undefined` when nothing more comes. */
  async function readNext(): Promise<number | undefined> {
    const callOff = alarms.set(quietMs, stop);
    try {
      return (await reader.read()).value?.length;
    } catch {
      // The client went away.
      return undefined;
    } finally {
      callOff();
    }
  }

  async function run(): Promise<void> {
    const callOff = alarms.set(totalMs, stop);
    let left = bytes;
    while (left > 0) {
      const length = await readNext();
      if (length === undefined) break;
      left -= length;
    }
    callOff();
    stop();
  }

  return { run, stop };
}

/** The whole answer at once, its end only when the client has stopped sending. */
function lingering(answer: Uint8Array, discard: ReturnType<typeof createDiscard>): ReadableStream<Uint8Array> {
  let isSent = false;
  let isCancelled = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!isSent) {
        isSent = true;
        controller.enqueue(answer);
        return;
      }
      await discard.run();
      if (!isCancelled) controller.close();
    },
    cancel() {
      isCancelled = true;
      discard.stop();
    },
  });
}

/**
 * Answers a request whose body has not been read to its end. Closing the connection at once would reset it, and most
 * clients read the answer only after they have sent everything: so the rest is taken and thrown away, up to a limit.
 */
export async function answerDuringUpload(
  request: Request,
  response: Response,
  limits: DiscardLimits = usual,
): Promise<Response> {
  const { body } = request;
  // A locked body has been read already, e.g. one that only became too large when it was unpacked.
  if (body === null || body.locked) return response;
  const stream = lingering(await response.bytes(), createDiscard(body, limits));
  response.headers.set("connection", "close");
  return new Response(stream, { status: response.status, headers: response.headers });
}
