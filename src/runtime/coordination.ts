import type { ResolvedConfig } from "../config/resolve.ts";
import { redisAddress, usedRedisUrl } from "../config/redis-url.ts";
import type { Coordinator } from "../coordination/coordinator.ts";
import { createRedisCoordinator } from "../coordination/redis/redis-coordinator.ts";
import { createReplicas } from "../coordination/replicas.ts";
import { type Decided, watchedCoordinator } from "../coordination/watched-coordinator.ts";
import { announcedDocuments } from "../keys/announced-documents.ts";
import { within } from "../lib/within.ts";
import { spendingKind } from "../limits/budget-document.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { Limiter, QueueSettings } from "../limits/limiter.ts";
import { createRaiseTogether, type RaiseTogether } from "../limits/raise-together.ts";
import { createSharedBudgets, type ReserveMoney } from "../limits/shared-budgets.ts";
import { createSharedLimiter } from "../limits/shared-limiter.ts";
import { type AffinityMemory, createAffinityMemory } from "../routing/affinity.ts";
import { createSharedAffinity } from "../routing/shared-affinity.ts";
import { createSharedHealth, type SharedHealth } from "../routing/health/shared-health.ts";
import type { Store } from "../storage/store.ts";
import type { Logger } from "../telemetry/logger.ts";

/** What this gateway shares with others that stand for the same one. */
export interface Coordination {
  readonly coordinator: Coordinator;
  /** It reaches gateways elsewhere, and not only the workers of this one. */
  readonly isRemote: boolean;
  replicas(): number;
  limiter(queue: QueueSettings): Limiter;
  reserve(budgets: Budgets): ReserveMoney;
  readonly raiseBudgets: RaiseTogether;
  readonly health: SharedHealth;
  readonly affinity: AffinityMemory;
  /** The same database; changes of its documents are told to the others. */
  announced(database: Store): Store;
  /** Looks for changes of documents whenever another gateway has made one. */
  followDocuments(look: () => Promise<void>): void;
  /** What the owner should know, one line each; nothing secret. */
  notices(): string[];
  /** Settles when the others can be reached, or after a second. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface CoordinationOptions {
  readonly config: ResolvedConfig;
  readonly logger: Logger;
  /** Where decisions are made without a Redis: the parent of several workers. */
  readonly parent?: Coordinator | undefined;
  readonly onDecision: (decided: Decided) => void;
}

const readyMs = 1000;
const documentsChannel = "documents";

const withoutOthers = {
  local: "Meanwhile each gateway grants its part of every limit.",
  closed: "Meanwhile what is limited is refused.",
} as const;

function coordinatorOf({ config, parent }: CoordinationOptions): Coordinator | undefined {
  const url = usedRedisUrl(config.redis);
  if (url === undefined) return parent;
  const { timeout, prefix } = config.redis;
  return createRedisCoordinator({
    url: url.replace(/^unix:/i, "redis+unix:"),
    address: redisAddress(url),
    timeoutMs: timeout,
    prefix,
  });
}

/** One line when it goes, and one when it comes back. */
function logStates(coordinator: Coordinator, { config, logger }: CoordinationOptions): () => void {
  let isTold = false;
  const tell = (): void => {
    const { isUp, problem } = coordinator.state();
    if (isUp && isTold) logger.info("Limits are counted together with other gateways again.");
    if (!isUp && !isTold) logger.warn(`${problem ?? ""} ${withoutOthers[config.redis.whenDown]}`.trim());
    isTold = !isUp;
  };
  coordinator.onState(tell);
  return tell;
}

/** Settles when it is reached. */
function reached(coordinator: Coordinator): Promise<void> {
  return new Promise((resolve) => {
    const end = coordinator.onState(({ isUp }) => {
      if (!isUp) return;
      end();
      resolve();
    });
  });
}

/** `undefined` = this gateway is by itself. */
export function createCoordination(options: CoordinationOptions): Coordination | undefined {
  const found = coordinatorOf(options);
  if (found === undefined) return undefined;
  const { whenDown } = options.config.redis;
  const coordinator = watchedCoordinator(found, options.onDecision);
  const replicas = createReplicas({ coordinator });
  const tellState = logStates(coordinator, options);
  const ends: (() => void)[] = [() => replicas.stop()];

  async function ready(): Promise<void> {
    if (!coordinator.state().isUp) await within(readyMs, reached(coordinator));
    if (coordinator.state().isUp) await replicas.look();
    else tellState();
  }

  return {
    coordinator,
    isRemote: usedRedisUrl(options.config.redis) !== undefined,
    replicas: () => replicas.count(),
    limiter(queue) {
      const limiter = createSharedLimiter({
        coordinator,
        queue,
        whenDown,
        replicas: () => replicas.count(),
        log: options.logger,
      });
      ends.push(() => limiter.close());
      return limiter;
    },
    reserve(budgets) {
      const shared = createSharedBudgets({
        coordinator,
        budgets,
        whenDown,
        replicas: () => replicas.count(),
        log: options.logger,
      });
      ends.push(() => shared.close());
      return shared.reserve;
    },
    raiseBudgets: createRaiseTogether(coordinator),
    health: createSharedHealth({ coordinator, onProblem: (message) => options.logger.debug(message) }),
    affinity: createSharedAffinity(createAffinityMemory(), coordinator),
    announced: (database) => ({
      ...database,
      documents: announcedDocuments(database.documents, {
        announce: (kind) => coordinator.publish(documentsChannel, kind),
        quiet: [spendingKind],
      }),
    }),
    followDocuments(look) {
      let isWanted = false;
      coordinator.subscribe(documentsChannel, () => {
        if (isWanted) return;
        isWanted = true;
        // A look that is under way may be past the change.
        void look().then(() => {
          isWanted = false;
          return look();
        });
      });
    },
    notices() {
      const { isUp } = coordinator.state();
      return isUp ? [] : [`Limits cannot be counted together with other gateways. ${withoutOthers[whenDown]}`];
    },
    ready,
    close() {
      for (const end of ends) end();
      return coordinator.close();
    },
  };
}
