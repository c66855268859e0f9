import type { GatewayError } from "../errors.ts";
import type { EditorOptions, Envelope } from "../protocols/protocol.ts";
import type { Route, Target } from "../routing/model-table.ts";
import type { InferenceCall } from "./call.ts";
import type { Cancellation } from "./cancellation.ts";
import type { Recording } from "./recording.ts";

/** One request on its way through the gateway: everything its steps share. */
export interface Exchange {
  readonly call: InferenceCall;
  readonly envelope: Envelope;
  readonly route: Route;
  readonly recording: Recording;
  readonly cancellation: Cancellation;
  /** What is done to the answer on its way back. */
  readonly editor: EditorOptions;
  /** Told of every request sent upstream and how it went. */
  readonly onAttempt: (target: Target, outcome: "ok" | GatewayError) => void;
  /** What was thrown, in words for the client: a bug is reported and becomes a bare internal error. */
  readonly toGatewayError: (thrown: unknown) => GatewayError;
}

/** Where one try goes, and as whom. */
export interface Candidate {
  readonly target: Target;
  readonly credential: string | undefined;
  /** Nothing is left to turn to after it. */
  readonly isLast: boolean;
}
