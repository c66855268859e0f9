import { createFaultUpstream, type FaultUpstream, type FaultUpstreamOptions } from "../support/fault-upstream.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { post, type PostOptions } from "../e2e/translation-clients.ts";
import type { FaultProtocol } from "../support/fault-wire.ts";
import { providerSettings } from "./cases.ts";
import { limits } from "./row.ts";
import { clientOf } from "./run.ts";

type Settings = Readonly<Record<string, unknown>>;

export interface FaultRig extends AsyncDisposable {
  readonly upstream: FaultUpstream;
  readonly gateway: Gateway;
}

export interface FaultRigOptions {
  /** Added to the settings of the wall. */
  config: (origin: string) => Settings;
  upstream?: FaultUpstreamOptions;
  env?: Readonly<Record<string, string | undefined>>;
}

/** Health that nothing opens, and no questions of the gateway's own. */
export const indifferent = { probes: false, maxErrors: 1_000_000, minRequests: 1_000_000 } as const;

/** A fault upstream and a gateway before it. */
export async function startFaultRig({ config, upstream: options, env }: FaultRigOptions): Promise<FaultRig> {
  const upstream = await createFaultUpstream(options);
  const configText = JSON.stringify({ health: indifferent, affinity: { by: "off" }, ...config(upstream.origin) });
  const gateway = await startGateway({ configText, env: { OR_API_KEY: undefined, ...env } }).catch(
    async (error: unknown) => {
      await upstream.close();
      throw error;
    },
  );
  return {
    upstream,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream.close();
    },
  };
}

/** Settings of a provider as the wall has them, with changes. */
export function providerAt(origin: string, protocol: FaultProtocol, name: string, changes: Settings = {}): Settings {
  return { ...providerSettings(protocol, origin, name), ...changes };
}

export interface Asked {
  status: number;
  headers: Headers;
  text: string;
  elapsedMs: number;
}

/** One question to a model, read to its end. */
export async function askModel(
  gateway: Pick<Gateway, "origin">,
  protocol: FaultProtocol,
  { model, isStream, ...options }: PostOptions & { model: string; isStream: boolean },
): Promise<Asked> {
  const client = clientOf(protocol);
  const startedAt = performance.now();
  const response = await post(gateway, client, {
    path: client.path(model, isStream),
    body: client.body({ model, isStream }),
    signal: AbortSignal.timeout(limits.total + 2000),
    ...options,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, elapsedMs: performance.now() - startedAt };
}
