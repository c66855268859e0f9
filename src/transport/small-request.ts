import { alarms } from "../lib/alarms.ts";
import { createStopSignal } from "../lib/stop-signal.ts";
import { destinationOf } from "./destination.ts";
import { readAll, type UpstreamReply } from "./reply.ts";
import { sendUpstream } from "./send.ts";

export interface SmallRequest {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | undefined;
}

export interface SmallAnswer extends Pick<UpstreamReply, "status" | "headers"> {
  readonly body: Uint8Array;
}

const timeoutMs = 30_000;
const connectMs = 10_000;
const largest = 8 * 1024 * 1024;

/**
 * Asks for something that is no model's answer, and reads it whole: at most 8 MiB, within 30 s; redirects are not followed.
 * Rejects with an Error for people.
 */
export async function requestSmall(address: string, request: SmallRequest = {}): Promise<SmallAnswer> {
  const { method = "GET", headers = { accept: "application/json" }, body } = request;
  const stop = createStopSignal();
  const callOff = alarms.set(timeoutMs, () => stop.stop(new Error(`no answer within ${timeoutMs / 1000} s`)));
  try {
    const destination = destinationOf(new URL(address));
    const reply = await sendUpstream({
      destination,
      method,
      headers,
      stop,
      connectMs,
      ...(body !== undefined && { body: Buffer.from(body) }),
    });
    return { status: reply.status, headers: reply.headers, body: await readAll(reply, largest) };
  } finally {
    callOff();
  }
}
