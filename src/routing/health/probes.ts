import { isUsable, type ResolvedConfig } from "../../config/resolve.ts";
import { alarms } from "../../lib/alarms.ts";
import { createStopSignal } from "../../lib/stop-signal.ts";
import type { Credential } from "../credential.ts";
import type { Upstream } from "../upstream.ts";
import type { HealthRegistry } from "./health.ts";
import { probeModels } from "./probe-models.ts";

export interface Probes {
  /** The first ones come after one interval. */
  start(): void;
  /** None comes any more, and those under way are broken off without a result. */
  stop(): void;
  /** Looks after one provider now, unless its traffic has done so. */
  probe(upstream: Upstream): Promise<void>;
}

interface ProbeOptions {
  readonly upstreams: readonly Upstream[];
  readonly health: HealthRegistry;
  readonly settings: Pick<ResolvedConfig["health"], "probes" | "interval">;
  readonly now?: (() => number) | undefined;
  readonly random?: (() => number) | undefined;
  /** Rings once, so many milliseconds from now; what it returns calls it off. */
  readonly after?: ((milliseconds: number, ring: () => void) => () => void) | undefined;
}

/** Gateways that were started together shall not ask together for ever. */
const jitter = 0.1;

function isProbed({ config, provider }: Upstream): boolean {
  return provider.models !== undefined && provider.respond === undefined && isUsable(config);
}

/** Refused ones are tried again; then one that would be used says whether the provider is there. */
function credentialsToTry({ credentials: { credentials } }: Upstream, isAnswering: boolean): readonly Credential[] {
  const refused = credentials.filter((credential) => credential.view().disabled !== undefined);
  const usable = isAnswering ? undefined : credentials.find((credential) => !refused.includes(credential));
  return usable === undefined ? refused : [...refused, usable];
}

/**
 * Asks providers for their list of models now and then: it costs nothing, and is no request of anybody's. Providers that
 * have answered requests since the last time are asked only with credentials that they refused.
 */
export function createProbes(options: ProbeOptions): Probes {
  const { upstreams, health, settings, now = Date.now, random = Math.random } = options;
  const { after = (milliseconds, ring) => alarms.set(milliseconds, ring) } = options;
  const ended = createStopSignal();
  const callOffs = new Map<Upstream, () => void>();

  async function probe(upstream: Upstream): Promise<void> {
    const answeredAt = health.answeredAt(upstream.name);
    const isAnswering = answeredAt !== undefined && now() - answeredAt < settings.interval;
    for (const credential of credentialsToTry(upstream, isAnswering)) {
      const at = now();
      const outcome = await probeModels(upstream, credential, ended);
      if (outcome === undefined) return;
      health.probed(upstream.name, { at, ms: now() - at, credential, outcome });
    }
  }

  function schedule(upstream: Upstream): void {
    if (ended.reason() !== undefined) return;
    const milliseconds = settings.interval * (1 + jitter * random());
    const ring = (): void => void probe(upstream).finally(() => schedule(upstream));
    callOffs.set(upstream, after(milliseconds, ring));
  }

  return {
    probe,
    start() {
      if (!settings.probes || callOffs.size > 0) return;
      for (const upstream of upstreams) if (isProbed(upstream)) schedule(upstream);
    },
    stop() {
      ended.stop(new Error("Probes have ended."));
      for (const callOff of callOffs.values()) callOff();
      callOffs.clear();
    },
  };
}
