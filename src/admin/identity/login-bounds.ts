import { networkOf } from "../../lib/ip.ts";

/** How often whoever logs in may fail. */
export interface LoginBound {
  /** Failures that cost no waiting. */
  readonly free: number;
  /** No failure costs more. */
  readonly longestMs: number;
}

/**
 * Failures count for an account from one network and for the network. An account by itself bears many, so that a stranger
 * cannot shut its owner out: the owner's own attempt has its turn within seconds. Several people may share a network.
 */
export const loginBounds = {
  pair: { free: 5, longestMs: 60_000 },
  account: { free: 100, longestMs: 10_000 },
  network: { free: 20, longestMs: 300_000 },
} as const satisfies Readonly<Record<string, LoginBound>>;

/** A failure is forgotten after that. */
export const rememberedMs = 15 * 60_000;

/** What an attempt counts for. */
export function subjectsOf(
  account: string,
  address: string | undefined,
): Readonly<Record<keyof typeof loginBounds, string>> {
  const network = address === undefined ? "unknown" : networkOf(address);
  return { pair: `${account} ${network}`, account, network };
}
