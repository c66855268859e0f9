import type { GatewayError } from "../errors.ts";
import type { ModelTable, Target } from "../routing/model-table.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import type { Translation } from "./translation.ts";

export interface GatewayOptions {
  table: ModelTable;
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
