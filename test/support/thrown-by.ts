import { GatewayError } from "../../src/errors.ts";

/** The GatewayError with which this is refused. */
export function thrownBy(work: () => unknown): GatewayError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}
