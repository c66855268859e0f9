import { GatewayError } from "../errors.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { limitWaitSeconds } from "../routing/health/limit-wait.ts";
import { responseHeadersFor } from "../transport/headers.ts";
import { readShort, type UpstreamReply } from "../transport/reply.ts";

export const longestErrorBody = 64 * 1024;
/** An answer in one piece is held in memory whole. */
export const largestAnswer = 64 * 1024 * 1024;

/** An upstream whose answer is not what was asked for. `what` ends the sentence "The upstream … ". */
export function invalidAnswer(host: string, what: string): GatewayError {
  return new GatewayError({ code: "upstream_invalid_response", status: 502, message: `The upstream ${host} ${what}` });
}

/** Some say how long to wait in their rate limit headers only. */
function withWait(error: GatewayError): GatewayError {
  if (error.code !== "rate_limit_exceeded" || error.retryAfterSeconds !== undefined) return error;
  const retryAfterSeconds = limitWaitSeconds(error, Date.now());
  return retryAfterSeconds === undefined ? error : error.with({ retryAfterSeconds });
}

/** An upstream's answer whose status is no success, in the gateway's words. Leaves nothing open. */
export async function readRefusal(
  reply: UpstreamReply,
  { protocol, host }: { protocol: Protocol; host: string },
): Promise<GatewayError> {
  const { status, headers } = reply;
  if (status >= 300 && status < 400) {
    reply.cancel();
    return invalidAnswer(host, `answered with a redirect (${status}); check the provider's baseUrl.`);
  }
  const body = await readShort(reply, longestErrorBody);
  return withWait(protocol.error.decode({ status, headers, body }).with({ headers: responseHeadersFor(headers) }));
}
