import type { Protocol } from "../protocols/protocol.ts";
import type { ClientCall } from "./call.ts";
import type { Cancellation } from "./cancellation.ts";
import type { Charging } from "./charging.ts";
import type { Holds } from "./hold.ts";
import type { Recording } from "./recording.ts";

/** A request that failed before it had an answer. */
export interface Refused {
  call: ClientCall;
  protocol: Protocol;
  recording: Recording;
  thrown: unknown;
}

/** A request's place in the house. */
export interface Admission {
  recording: Recording;
  /** What the request holds until it has ended. */
  holds: Holds;
  /** What is set aside for the request: it is settled when the request ends. */
  charging: Charging;
  run: (cancellation: Cancellation) => void;
  end: () => void;
  /** The client's connection may be silent until the request has ended. */
  allowSilence: () => void;
}
