import type { Coordinator } from "../../coordination/coordinator.ts";
import type { RecentRequests } from "../../http/requests.ts";
import type { ResponseStore } from "../../storage/responses/response-store.ts";
import type { RecordSink } from "../../telemetry/sink.ts";

/** What a worker has of its parent in the place of its own. */
export interface ParentParts {
  /** How many workers share what one process may have. */
  readonly workers: number;
  /** Where records go. */
  readonly sink: RecordSink;
  /** Requests of all workers. */
  readonly recent: RecentRequests;
  /** For what all workers decide together, unless Redis does it. */
  readonly coordinator: Coordinator;
  /** The page of all workers. */
  readonly metricsText: () => Promise<string>;
  /** What the owner should know of the parent and the other workers, one line each. */
  readonly notices: () => readonly string[];
  /** In the parent's memory. */
  readonly responseStore: (options: { maxBytes: number }) => ResponseStore;
}
