import { startGateway, type Gateway } from "../support/gateway.ts";
import { scenarios } from "../support/replay-scenarios.ts";
import { createReplayingUpstream, type ReplayingUpstream } from "../support/replaying-upstream.ts";
import type { ProtocolName } from "../../src/config/protocol-names.ts";

export interface UpstreamKind {
  /** Name of the gateway's provider. */
  id: "chat" | "responses" | "claude" | "gemini" | "ollama";
  /** For people. */
  name: string;
  /** Beginning of its models' names. */
  prefix: string;
  protocol: ProtocolName;
  /** Its provider's settings besides credentials. */
  provider: (origin: string) => Readonly<Record<string, unknown>>;
}

export const upstreams: readonly UpstreamKind[] = [
  {
    id: "chat",
    prefix: "chat-",
    name: "OpenAI chat",
    protocol: "openai-chat",
    provider: (origin) => ({ type: "openai-compatible", baseUrl: `${origin}/openai/v1` }),
  },
  {
    id: "responses",
    prefix: "responses-",
    name: "OpenAI responses",
    protocol: "openai-responses",
    provider: (origin) => ({
      type: "openai-compatible",
      protocols: ["openai-responses"],
      baseUrl: `${origin}/openai/v1`,
    }),
  },
  {
    id: "claude",
    prefix: "claude-",
    name: "Anthropic",
    protocol: "anthropic-messages",
    provider: (origin) => ({ type: "anthropic", baseUrl: origin }),
  },
  {
    id: "gemini",
    prefix: "gemini-",
    name: "Gemini",
    protocol: "gemini-generate",
    provider: (origin) => ({ type: "gemini", baseUrl: origin }),
  },
  {
    id: "ollama",
    prefix: "ollama-",
    name: "Ollama",
    protocol: "ollama-chat",
    provider: (origin) => ({ type: "ollama", baseUrl: origin, protocols: ["ollama-chat"] }),
  },
];

/** Ways in which a raw stream is cut into writes; each scenario has an alias for each. */
export const deliveries = ["whole", "bytes", "split-1", "split-2"] as const;

export interface MatrixRig extends AsyncDisposable {
  readonly upstream: ReplayingUpstream;
  readonly gateway: Gateway;
}

const credential = "k";

/** Name under which clients ask for a scenario of an upstream. */
export function modelOf(upstream: UpstreamKind, scenario: string): string {
  return upstream.prefix + scenario;
}

function configOf(origin: string): string {
  const providers = upstreams.map(({ id, provider }) => [
    id,
    // A failure is told at once, and no model is asked for behind the test's back.
    { ...provider(origin), credentials: [credential], retries: 0, listModels: false },
  ]);
  const names = Object.keys(scenarios).flatMap((name) => [
    name,
    ...deliveries.map((delivery) => `${name}--${delivery}`),
  ]);
  const models = upstreams.flatMap((upstream) =>
    names.map((name) => [modelOf(upstream, name), { targets: [{ provider: upstream.id, model: name }] }]),
  );
  return JSON.stringify({
    providers: Object.fromEntries(providers) as unknown,
    models: Object.fromEntries(models) as unknown,
    logging: { file: "" },
  });
}

/** One gateway before one upstream that speaks all protocols. JSON is YAML too. */
export async function startMatrixRig(): Promise<MatrixRig> {
  const upstream = await createReplayingUpstream({ credential });
  const gateway = await startGateway({ configText: configOf(upstream.origin), env: { OR_API_KEY: undefined } }).catch(
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
