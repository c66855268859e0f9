import { GatewayError } from "../errors.ts";

/** Whether a document is another one by now than the change was made of. */
export function isConflict(error: unknown): boolean {
  return error instanceof GatewayError && error.code === "conflict";
}
