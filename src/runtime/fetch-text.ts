import { alarms } from "../lib/alarms.ts";
import { createStopSignal } from "../lib/stop-signal.ts";
import { destinationOf } from "../transport/destination.ts";
import { readAll } from "../transport/reply.ts";
import { sendUpstream } from "../transport/send.ts";

const timeoutMs = 30_000;
const connectMs = 10_000;
const largest = 8 * 1024 * 1024;

/** The text behind a URL, of at most 8 MiB, within 30 s. Rejects with an Error for people; redirects are not followed. */
export async function fetchText(address: string): Promise<string> {
  const url = new URL(address);
  const stop = createStopSignal();
  const callOff = alarms.set(timeoutMs, () => stop.stop(new Error(`no answer within ${timeoutMs / 1000} s`)));
  try {
    const reply = await sendUpstream({
      destination: destinationOf(url),
      method: "GET",
      headers: { accept: "application/json" },
      stop,
      connectMs,
    });
    if (reply.status === 200) return Buffer.from(await readAll(reply, largest)).toString("utf8");
    reply.cancel();
    throw new Error(`${url.host} answered ${reply.status}`);
  } finally {
    callOff();
  }
}
