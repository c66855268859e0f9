import type { GatewayError } from "../errors.ts";
import type { Overload } from "../limits/overload.ts";
import type { HealthRegistry } from "../routing/health/health.ts";
import type { RouteTable } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import type { AdmitKey } from "./key-admission.ts";
import type { RequestScopes } from "./request-scopes.ts";
import type { Routing } from "./routing.ts";
import type { Translation } from "./translation.ts";

/** Counts requests from the moment they are let in: those whose body is still on its way too. */
export interface Load {
  requests: number;
}

export interface GatewayOptions {
  table: RouteTable;
  routing: Routing;
  health: HealthRegistry;
  /** What limits requests before they are sent anywhere. */
  scopes: RequestScopes;
  /** Rules and budgets of virtual keys; absent where there are none. */
  admitKey?: AdmitKey | undefined;
  overload: Overload;
  /** Requests at work in this process, those of other configurations among them. */
  load: Load;
  translation: Translation;
  /** Characters of prompts and answers that records keep; 0 = none. */
  textLimit: number;
  heartbeatMs: number;
  maxJsonDepth: number;
  responseModel: "alias" | "upstream";
  /** `Retry-After` of a 429 whose upstream named none. */
  retryAfterSeconds: number;
  onStart: () => void;
  onAttempt: (target: Target, outcome: "ok" | GatewayError) => void;
  /** Fields of a request that a target could not be given. */
  onDropped: (call: { client: string; upstream: string; count: number }) => void;
  /** Every request that reached the gateway, once, when it ended. */
  onFinish: (record: RequestRecord) => void;
  onBug: (error: unknown, requestId: string) => void;
}
