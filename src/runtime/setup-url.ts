import { isLocalHostname } from "../lib/ip.ts";
import type { Lasting } from "./lasting.ts";

/** A link that makes the first admin, once it is known that there is none; `undefined` = there is one, or no such way. */
export async function setupUrl(
  { identity, virtualKeys }: Pick<Lasting, "identity" | "virtualKeys">,
  url: string,
): Promise<string | undefined> {
  await virtualKeys?.ready;
  if (virtualKeys?.state().isLoaded === false || !identity.isNew()) return undefined;
  // Whoever listens on another address alone would be refused there: this is for the machine itself.
  if (!isLocalHostname(new URL(url).hostname.replace(/^\[|\]$/g, ""))) return undefined;
  const token = await identity.offerSetup();
  return token === undefined ? undefined : `${url}/dashboard/setup#token=${token}`;
}
