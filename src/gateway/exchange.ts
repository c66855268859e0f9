import type { GatewayError } from "../errors.ts";
import type { Demand } from "../limits/limiter.ts";
import type { StopSignal } from "../lib/stop-signal.ts";
import type { Loss } from "../protocols/canonical/conversation.ts";
import type { EditorOptions, Envelope } from "../protocols/protocol.ts";
import type { Credential } from "../routing/credential.ts";
import type { RequestFacts, Route } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { InferenceCall } from "./call.ts";
import type { Cancellation } from "./cancellation.ts";
import type { Holds } from "./hold.ts";
import type { Recording } from "./recording.ts";
import type { Routing } from "./routing.ts";
import type { TranslatedRequest } from "./translated-request.ts";
import type { Translation } from "./translation.ts";

/** A place in a queue: 1 = next. */
export interface QueuePlace {
  position: number;
  /** Milliseconds; `undefined` = not known. */
  etaMs: number | undefined;
}

/** One request on its way through the gateway: everything its steps share. */
export interface Exchange {
  readonly call: InferenceCall;
  readonly envelope: Envelope;
  readonly route: Route;
  /** What the choice of a target looks at. */
  readonly facts: RequestFacts;
  readonly routing: Routing;
  /** What it wants of whatever is limited. */
  readonly demand: Demand;
  readonly holds: Holds;
  readonly recording: Recording;
  readonly cancellation: Cancellation;
  /** What the translate lane works with. */
  readonly translation: Translation;
  /** The request as values, or why it has none; read when the first target needs it. */
  translated: TranslatedRequest | GatewayError | undefined;
  /** What could not be said to the target that was asked last. */
  losses: readonly Loss[];
  /** Its place in a queue, while it waits in one. */
  queued: QueuePlace | undefined;
  /** Told while it waits in a queue, and `undefined` when it no longer does. */
  readonly onQueued?: ((place: QueuePlace | undefined) => void) | undefined;
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
  readonly credential: Credential;
  /** Something is left to turn to after it. */
  readonly hasMore: boolean;
  /** How this try is stopped. */
  readonly stop: StopSignal;
}
