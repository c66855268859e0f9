import type { ResolvedConfig } from "../../config/resolve.ts";
import { createGeneration } from "../generation.ts";
import type { Lasting } from "../lasting.ts";
import { type ConfigSource, createLiveConfig } from "../live-config.ts";
import type { Crew } from "./crew.ts";
import type { LogRelay } from "./log-relay.ts";
import type { ConfigOutcome } from "./speech.ts";

/** Among the lines of workers, who count from 1. */
const parentVoice = 0;

/** The parent takes no part in what gateways share: its workers do. */
export function withoutRedis(config: ResolvedConfig): ResolvedConfig {
  return { ...config, redis: { ...config.redis, enabled: false } };
}

/** The configuration that a parent and its workers serve. */
export interface ParentConfig {
  readonly live: ReturnType<typeof createLiveConfig>;
  served(): ResolvedConfig;
  /** What came of reading it the last time; `undefined` = it was never read again. */
  lastRead(): ConfigOutcome | undefined;
  /** The parent's own house follows it from now on. */
  bringTo(lasting: Lasting): void;
  /** Workers that serve hear of it from now on. */
  tell(crew: Crew): void;
}

export function createParentConfig(
  config: ResolvedConfig,
  { source, relay }: { source: ConfigSource; relay: LogRelay },
): ParentConfig {
  let served = config;
  let lastRead: ConfigOutcome | undefined;
  let house: Lasting | undefined;
  let atWork: Crew | undefined;
  const say = (type: "info" | "warn" | "error") => (text: string) => relay(parentVoice, { type, text });
  const live = createLiveConfig({
    source,
    // Its workers read the same configuration, and say the same of it.
    logger: { info: say("info"), warn: say("warn"), error: say("error") },
    apply(changed) {
      // Throws where it cannot be made: no worker hears of it then.
      house?.follow(createGeneration(withoutRedis(changed), house));
      served = changed;
      atWork?.reload();
    },
    onRead(refused) {
      lastRead = { refused };
      house?.configStatus.read(refused);
      atWork?.tell("configRead", lastRead);
    },
  });
  return {
    live,
    served: () => served,
    lastRead: () => lastRead,
    bringTo: (lasting) => void (house = lasting),
    tell: (crew) => void (atWork = crew),
  };
}
