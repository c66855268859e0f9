import { Elysia } from "elysia";
import { keyAccess } from "./key-access.ts";
import { GatewayError } from "../../src/errors.ts";
import { providerHealthRoutes } from "../../src/http/admin/providers-health.ts";
import { plainError } from "../../src/http/errors.ts";
import type { HealthRegistry } from "../../src/routing/health/health.ts";
import { createHealthRegistry } from "../../src/routing/health/registry.ts";
import { failed, liveTimes, refused, settingsOf } from "../routing/health/scene.ts";

export const adminToken = "admin-token";

function provider(name: string, credentials: readonly string[] = []): object {
  return { type: "openai-compatible", baseUrl: `http://${name}.test`, credentials };
}

/** Three providers: one that works, one whose circuit is open, one with a refused and a cooling credential. */
export function createTroubled(): HealthRegistry {
  const providers = {
    good: provider("good", ["key-of-good"]),
    down: provider("down"),
    poor: provider("poor", ["sk-0123456789-a1b2", "sk-0123456789-c3d4", "sk-0123456789-e5f6"]),
  };
  const config = settingsOf({ providers });
  const registry = createHealthRegistry({ settings: config, now: () => 1_700_000_000_000 });
  const pools = Object.entries(config.providers).map(([name, one]) => registry.poolOf(name, one));
  const ticket = registry.targetOf("good", "http://good.test", "model-a").begin();
  ticket.opened(820, "whole");
  ticket.end("ok");
  const error = failed("upstream_unreachable", { message: "The upstream down.test refused the connection." });
  liveTimes(5, registry.targetOf("down", "http://down.test", "model-b"), error);
  registry.targetOf("down", "http://down.test", "model-c");
  const [first, second] = pools[2]?.credentials ?? [];
  first?.begin("m").end(refused(401, "Incorrect API key provided: sk-0123456789-a1b2"));
  second
    ?.begin("m")
    .end(
      failed("rate_limit_exceeded", { retryAfterSeconds: 90, message: "Slow down.", details: { upstreamStatus: 429 } }),
    );
  return registry;
}

/** A server with nothing but the health of providers, as a gateway has it. */
export function serveProviderHealth(
  providerHealth: () => ReturnType<HealthRegistry["views"]>,
  adminKeys: readonly string[] = [adminToken],
): Bun.Server<undefined> {
  const access = keyAccess({ admin: adminKeys });
  const app = new Elysia()
    .onError(({ error }) => (error instanceof GatewayError ? plainError(error) : undefined))
    .use(providerHealthRoutes({ access, providerHealth }));
  return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
}
