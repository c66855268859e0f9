import type { PlayedConversation } from "../support/replaying-upstream.ts";
import type { ClientAnswer, ClientDriver } from "./driver.ts";
import { must } from "./expectations.ts";
import type { MatrixRig, UpstreamKind } from "./rig.ts";

/** One client before one upstream. */
export interface Pairing {
  driver: ClientDriver;
  upstream: UpstreamKind;
  rig: Pick<MatrixRig, "upstream">;
}

export const prompt = "Wie geht's, 世界? 🌍";

export type Ask = (question: Parameters<NonNullable<ClientDriver["ask"]>>[0]) => Promise<ClientAnswer>;

export function asksOf({ driver }: Pairing): { ask: Ask; askStream: Ask } {
  const { ask, askStream } = driver;
  must(ask !== undefined && askStream !== undefined, "the client cannot ask");
  return { ask, askStream };
}

/** Conversations that the upstream had while `work` ran. */
export async function conversationsOf(
  { rig }: Pairing,
  work: () => Promise<unknown>,
): Promise<readonly PlayedConversation[]> {
  const before = rig.upstream.conversations.length;
  await work();
  return rig.upstream.conversations.slice(before);
}
