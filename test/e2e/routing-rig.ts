import type { ProviderHealth } from "../../src/routing/health/view-schema.ts";
import { postChat, type ChatRequestOptions } from "../support/chat.ts";
import { until } from "../support/e2e.ts";
import { createFakeUpstream, type FakeUpstream, type FakeUpstreamOptions } from "../support/fake-upstream.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { metric, parseMetrics } from "../support/metrics.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** Opens `/api/*`, and steers. */
export const adminToken = "admin-token-0001";

export interface Asked {
  status: number;
  headers: Headers;
  text: string;
  /** `x-request-id` */
  id: string;
  /** `error.message`, or empty. */
  message: string;
}

export interface RoutingRig extends AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly gateway: Gateway;
  /** One chat request, read to its end. */
  readonly ask: (model: string | undefined, fields?: Fields, options?: ChatRequestOptions) => Promise<Asked>;
  /** `provider/model` of every request upstream since the last look, in order. */
  readonly asked: () => string[];
  /** What was asked so far is not looked at again, also when the upstream has forgotten it. */
  readonly forget: () => void;
  /** GET below the origin with the admin token. */
  readonly admin: (path: string) => Promise<Response>;
  readonly healthOf: (provider: string) => Promise<ProviderHealth>;
  /** Sum of a metric's samples with these labels; 0 where there is none. */
  readonly metric: (name: string, labels?: Readonly<Record<string, string>>) => Promise<number>;
  /** Waits until no request is at work. */
  readonly quiet: () => Promise<void>;
}

export interface RoutingRigOptions {
  /** Settings of providers by name: all stand before the same upstream, each with a credential of its own. */
  providers: Readonly<Record<string, Fields>>;
  models?: Fields;
  /** Further sections. */
  config?: Fields;
  upstream?: FakeUpstreamOptions;
  env?: Readonly<Record<string, string | undefined>>;
}

/** A target of a provider, asked for by its own name of the model. */
export function at(provider: string, model: string, changes: Fields = {}): Fields {
  return { provider, model, ...changes };
}

/** What a provider's credential is; shorter ones are too short for upstreams to be protected from quoting them. */
export function keyOf(name: string): string {
  return `sk-${name}-0123456789`;
}

function configOf({ providers, models = {}, config }: RoutingRigOptions, url: string): string {
  const entries = Object.entries(providers).map(([name, changes]) => [
    name,
    { type: "openai-compatible", baseUrl: url, credentials: [keyOf(name)], retries: 0, ...changes },
  ]);
  return JSON.stringify({
    logging: { file: "" },
    health: { probes: false },
    ...config,
    providers: Object.fromEntries(entries),
    models,
  });
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message ?? "";
  } catch {
    return "";
  }
}

/** A gateway whose providers all stand before one upstream, which tells them apart by their credentials. */
export async function startRoutingRig(options: RoutingRigOptions): Promise<RoutingRig> {
  const upstream = await createFakeUpstream(options.upstream);
  const gateway = await startGateway({
    configText: configOf(options, upstream.url),
    env: { OR_API_KEY: undefined, AUTH_TOKEN: adminToken, ...options.env },
  }).catch(async (error: unknown) => {
    await upstream.close();
    throw error;
  });
  let looked = 0;

  const admin = (path: string): Promise<Response> =>
    fetch(gateway.origin + path, { headers: { authorization: `Bearer ${adminToken}` } });

  async function sumOf(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return metric(parseMetrics(await (await admin("/metrics")).text()), name, labels) ?? 0;
  }

  return {
    upstream,
    gateway,
    async ask(model, fields = {}, requestOptions = {}) {
      const response = await postChat(gateway, { ...(model !== undefined && { model }), ...fields }, requestOptions);
      const text = await response.text();
      const id = response.headers.get("x-request-id") ?? "";
      return { status: response.status, headers: response.headers, text, id, message: messageOf(text) };
    },
    asked() {
      const news = upstream.requests.slice(looked);
      looked = upstream.requests.length;
      return news.map(({ headers, model }) => `${/sk-([a-z]+)/.exec(headers["authorization"] ?? "")?.[1]}/${model}`);
    },
    forget: () => void (looked = upstream.requests.length),
    admin,
    async healthOf(provider) {
      const response = await admin(`/api/providers/${provider}/health`);
      if (!response.ok) throw new Error(await response.text());
      return (await response.json()) as ProviderHealth;
    },
    metric: sumOf,
    quiet: () => until(async () => (await sumOf("orcestator_active_requests")) === 0, "no active requests"),
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream.close();
      const output = gateway.stdout() + gateway.stderr();
      if (/met a bug|unhandled/i.test(output)) throw new Error(`the gateway met a bug: ${output}`);
    },
  };
}
