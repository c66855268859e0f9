import type { Configuration } from "../admin/configuration/index.ts";
import type { Identity } from "../admin/identity/identity.ts";
import type { Admin } from "../admin/index.ts";
import type { ServerConfig } from "../config/schema.ts";
import type { Gateway } from "../gateway/handle.ts";
import type { PriceReport } from "../prices/price-report.ts";
import type { ProviderHealthView } from "../routing/health/health.ts";
import type { ModelInfo } from "../routing/offered-models.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Refusal } from "../telemetry/refusal-log.ts";
import type { Access } from "./access.ts";
import type { Connections } from "./connections.ts";
import type { RequestSource } from "./requests.ts";

export interface Readiness {
  isReady: boolean;
  /** Why not, one line each. */
  reasons: string[];
  /** What the owner should know although it is ready, one line each. */
  notices: string[];
}

/** What the routes need; the runtime puts it together. */
export interface RouteParts {
  server: Pick<ServerConfig, "maxBodyBytes" | "bodyTimeout" | "heartbeat" | "passthrough">;
  gateway: Gateway;
  access: Access;
  connections: Connections;
  metrics: Metrics;
  models(): ModelInfo[];
  providerHealth(): readonly ProviderHealthView[];
  prices(): PriceReport;
  requests: RequestSource;
  /** What may be changed while the gateway runs; `undefined` = no database is configured. */
  admin: Admin | undefined;
  /** Providers, models and settings as they are served; `undefined` = nobody can read them again. */
  configuration: Configuration | undefined;
  /** Who looks after the gateway, and how they log in. */
  identity: Identity;
  readiness(): Readiness;
  /** Told once of every request that is refused before it reaches the gateway, and so leaves no record. */
  onRefusal(refusal: Refusal): void;
  /** Lines of the traffic log, the last `lines` and then new ones until `signal` aborts; `undefined` when there is no log. */
  tail:
    | ((options: {
        lines: number;
        follow: boolean;
        signal: AbortSignal;
        onLine: (line: string) => void;
      }) => Promise<void>)
    | undefined;
}
