import { GatewayError } from "../../errors.ts";
import { alarms } from "../../lib/alarms.ts";
import { createStopSignal, type StopSignal } from "../../lib/stop-signal.ts";
import { decodeUpstreamError } from "../../protocols/upstream-error.ts";
import { destinationOf } from "../../transport/destination.ts";
import { readShort, type UpstreamReply } from "../../transport/reply.ts";
import { failureOfSend, sendUpstream } from "../../transport/send.ts";
import type { Credential } from "../credential.ts";
import type { Upstream } from "../upstream.ts";

const timeoutMs = 20_000;
const longestBody = 64 * 1024;

interface Asking {
  readonly upstream: Upstream;
  readonly credential: Credential;
  readonly url: URL;
  readonly stop: StopSignal;
}

function tooSlow(host: string): GatewayError {
  const message = `The upstream ${host} did not answer within ${timeoutMs} ms when its list of models was asked for.`;
  return new GatewayError({ code: "upstream_timeout", status: 504, message });
}

/** What is no list, in the house's words. Reads the rest of the answer, which lets the connection be used again. */
async function judge(reply: UpstreamReply): Promise<"ok" | GatewayError> {
  const { status, headers } = reply;
  const body = await readShort(reply, longestBody);
  return status >= 200 && status < 300 ? "ok" : decodeUpstreamError({ status, headers, body });
}

async function ask({ upstream, credential, url, stop }: Asking): Promise<"ok" | GatewayError> {
  const { config, provider, ca } = upstream;
  const headers: Record<string, string> = { accept: "application/json", "user-agent": "orcestator", ...config.headers };
  provider.authorize(headers, credential.key);
  const { timeouts, proxy } = config;
  const destination = destinationOf(url);
  const connectMs = timeouts.connect;
  return judge(await sendUpstream({ destination, method: "GET", headers, stop, connectMs, proxy, ca }));
}

/**
 * Asks a provider for its list of models with one of its credentials: `ok`, or why there is none. Of the list itself
 * nothing is looked at. `undefined` when it was stopped, or has no list to ask for.
 */
export async function probeModels(
  upstream: Upstream,
  credential: Credential,
  ended: StopSignal,
): Promise<"ok" | GatewayError | undefined> {
  const url = upstream.provider.models?.url(upstream.config.baseUrl);
  if (url === undefined || ended.reason() !== undefined) return undefined;
  const stop = createStopSignal();
  ended.onStop((reason) => stop.stop(reason));
  const callOff = alarms.set(timeoutMs, () => stop.stop(tooSlow(url.host)));
  try {
    return await ask({ upstream, credential, url, stop });
  } catch (error) {
    return ended.reason() === undefined ? failureOfSend(error, stop, url.host) : undefined;
  } finally {
    callOff();
  }
}
