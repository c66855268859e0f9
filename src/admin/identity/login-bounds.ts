import type { BoundedSubject, CountFailure, ForgiveFailure } from "../../coordination/decisions.ts";
import { networkOf } from "../../lib/ip.ts";

/**
 * How often whoever logs in may fail. Failures count for an account from one network and for the network. An account by itself
 * bears many, so that a stranger cannot shut its owner out: the owner's own attempt has its turn within seconds. Several people
 * may share a network.
 */
const bounds = {
  pair: { free: 5, longestMs: 60_000 },
  account: { free: 100, longestMs: 10_000 },
  network: { free: 20, longestMs: 300_000 },
} as const satisfies Readonly<Record<string, Pick<BoundedSubject, "free" | "longestMs">>>;

const rememberedMs = 15 * 60_000;
const mostNames = 10_000;

/** What is told of one attempt. */
interface LoginFailure {
  /** It is one until it is told otherwise. */
  readonly failure: CountFailure;
  /** It succeeded. */
  readonly success: ForgiveFailure;
  /** It was not made after all. */
  readonly undoing: ForgiveFailure;
}

/**
 * Whoever has many networks can fill lists, and make them forget: accounts share as many places as there are names on a list, so
 * that none of theirs is forgotten and guesses at one stay bounded. Two in one place wait for each other no longer than for
 * strangers. Pairs and networks share none, or strangers could shut out whoever comes from elsewhere.
 */
function placeOf(account: string): string {
  return String(Bun.hash.wyhash(account) % BigInt(mostNames));
}

export function loginFailure(account: string, address: string | undefined): LoginFailure {
  const network = address === undefined ? "unknown" : networkOf(address);
  const pair = { list: "login-pairs", name: `${account} ${network}`, ...bounds.pair };
  const others = [
    { list: "login-accounts", name: placeOf(account), ...bounds.account },
    { list: "login-networks", name: network, ...bounds.network },
  ];
  const forgiven = others.map(({ list, name }) => ({ list, name, isCleared: false }));
  const { list, name } = pair;
  return {
    failure: { subjects: [pair, ...others], rememberedMs, mostNames },
    success: { subjects: [{ list, name, isCleared: true }, ...forgiven] },
    undoing: { subjects: [{ list, name, isCleared: false }, ...forgiven] },
  };
}
