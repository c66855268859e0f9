import type { GatewayError } from "../errors.ts";
import type { Loss } from "../protocols/canonical/conversation.ts";
import type { EditorOptions, Envelope } from "../protocols/protocol.ts";
import type { Route, Target } from "../routing/model-table.ts";
import type { InferenceCall } from "./call.ts";
import type { Cancellation } from "./cancellation.ts";
import type { TranslatedRequest } from "./passage.ts";
import type { Recording } from "./recording.ts";
import type { Translation } from "./translation.ts";

/** One request on its way through the gateway: everything its steps share. */
export interface Exchange {
  readonly call: InferenceCall;
  readonly envelope: Envelope;
  readonly route: Route;
  readonly recording: Recording;
  readonly cancellation: Cancellation;
  /** What the translate lane works with. */
  readonly translation: Translation;
  /** The request as values; read when the first target needs it. */
  translated: TranslatedRequest | undefined;
  /** What could not be said to the target that was asked last. */
  losses: readonly Loss[];
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
