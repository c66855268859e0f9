import { GatewayError } from "../errors.ts";

const mask = "[credential]";
/** Shorter ones are no real keys, and would be found in ordinary words. */
const shortestSecret = 8;

/** The same error without the credential that an upstream quoted in it ("Incorrect API key provided: sk-…"). */
export function withoutSecret(thrown: unknown, secret: string | undefined): unknown {
  if (!(thrown instanceof GatewayError) || secret === undefined || secret.length < shortestSecret) return thrown;
  const details = JSON.stringify(thrown.details ?? {});
  if (!thrown.message.includes(secret) && !details.includes(secret)) return thrown;
  return thrown.with({
    message: thrown.message.replaceAll(secret, mask),
    details: JSON.parse(details.replaceAll(secret, mask)) as Record<string, unknown>,
  });
}
