import { z } from "zod";
import type { Coordinator } from "../coordination/coordinator.ts";
import type { AffinityMemory, Held } from "./affinity.ts";

const schema = z.tuple([z.string(), z.string(), z.string(), z.string()]);
const channel = "affinity";

/** Keys hold what clients sent: others are told a mark of them. */
function markOf(key: string): string {
  return new Bun.CryptoHasher("sha256").update(key).digest("base64url");
}

function read(text: string): readonly [mark: string, held: Held] | undefined {
  try {
    const [mark, provider, model, credential] = schema.parse(JSON.parse(text));
    return [mark, { provider, model, credential }];
  } catch {
    return undefined;
  }
}

/**
 * The memory of several gateways: each has a copy of its own, so that nobody waits, and tells the others what is new in it.
 * What is found again and again is told once.
 */
export function createSharedAffinity(
  memory: AffinityMemory,
  { publish, subscribe }: Pick<Coordinator, "publish" | "subscribe">,
): AffinityMemory {
  subscribe(channel, (text) => {
    const heard = read(text);
    if (heard !== undefined) memory.keep(...heard);
  });

  return {
    find: (key, ttlMs) => memory.find(markOf(key), ttlMs),
    keep(key, held) {
      const mark = markOf(key);
      const known = memory.find(mark, Number.POSITIVE_INFINITY);
      memory.keep(mark, held);
      const { provider, model, credential } = held;
      const isKnown = known?.provider === provider && known.model === model && known.credential === credential;
      if (!isKnown) publish(channel, JSON.stringify([mark, provider, model, credential]));
    },
    size: () => memory.size(),
  };
}
