import type { GatewayError } from "../errors.ts";

const marked = new WeakSet<GatewayError>();

/** Marks a refusal that is about one target: it cannot be told what the request says, another one perhaps can. */
export function ofThisTarget<T>(thrown: T): T {
  if (thrown instanceof Error) marked.add(thrown as unknown as GatewayError);
  return thrown;
}

export function isOfOneTarget(error: GatewayError): boolean {
  return marked.has(error);
}
