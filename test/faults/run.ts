import { clients, post, type Client } from "../e2e/translation-clients.ts";
import type { Gateway } from "../support/gateway.ts";
import type { FaultedRequest, FaultUpstream } from "../support/fault-upstream.ts";
import type { FaultProtocol } from "../support/fault-wire.ts";
import type { Case } from "./cases.ts";
import { limits } from "./row.ts";

/** What came of a case. */
export interface Outcome {
  status: number;
  headers: Headers;
  text: string;
  /** The connection broke, or nothing more came; `undefined` = the answer was ended properly. */
  broken: string | undefined;
  /** `performance.now()` when the client began. */
  startedAt: number;
  elapsedMs: number;
  /** How late this process itself may have been meanwhile. */
  slackMs: number;
  /** What each target was sent. */
  requests: readonly (readonly FaultedRequest[])[];
}

export function clientOf(protocol: FaultProtocol): Client {
  const client = clients.find((candidate) => candidate.protocol === protocol);
  if (client === undefined) throw new Error(`no client speaks ${protocol}`);
  return client;
}

/** A client that waits longer than this waits in vain. */
const patience = limits.total + 2000;

export async function runCase(
  each: Case,
  { gateway, upstreams }: { gateway: Pick<Gateway, "origin">; upstreams: readonly FaultUpstream[] },
): Promise<Outcome> {
  const client = clientOf(each.client);
  const { alias: model, isStream } = each;
  const startedAt = performance.now();
  const outcome: Outcome = {
    status: 0,
    headers: new Headers(),
    text: "",
    broken: undefined,
    startedAt,
    elapsedMs: 0,
    slackMs: 0,
    requests: [],
  };
  try {
    const response = await post(gateway, client, {
      path: client.path(model, isStream),
      body: client.body({ model, isStream }),
      signal: AbortSignal.timeout(patience),
    });
    outcome.status = response.status;
    outcome.headers = response.headers;
    outcome.text = await response.text();
  } catch (error) {
    outcome.broken = error instanceof Error ? error.message : String(error);
  }
  outcome.elapsedMs = performance.now() - startedAt;
  outcome.requests = each.models.map((name) => upstreams.flatMap((upstream) => upstream.of(name)));
  return outcome;
}
