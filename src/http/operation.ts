import { Elysia } from "elysia";
import { version } from "../version.ts";
import { anonymousWhereAllowed } from "./docs/openapi.ts";
import type { RouteParts } from "./route-parts.ts";

const live = (): Response => Response.json({ status: "ok", version });

function describe(summary: string, description: string, security: typeof anonymousWhereAllowed = []) {
  return { detail: { tags: ["operation"], summary, description, security } as never };
}

/** Health, metrics and the probes that clients send before anything else. */
export function operationRoutes(parts: RouteParts) {
  const { access, metrics } = parts;
  return (
    new Elysia({ name: "operation" })
      // Ollama's clients look for its words here.
      .get("/", () => new Response(`Ollama is running (Orcestator ${version}: API /v1, documents /docs)\n`), {
        detail: { hide: true },
      })
      .get("/api/hello", live, { detail: { hide: true } })
      .get("/health", live, describe("Is the process up", "200 as long as it answers at all."))
      .get("/healthz", live, describe("Is the process up", "As /health."))
      .get("/health/live", live, describe("Is the process up", "As /health."))
      .get(
        "/health/ready",
        () => {
          const { isReady, reasons, notices } = parts.readiness();
          const status = isReady ? "ready" : "not ready";
          return Response.json({ status, reasons, notices }, { status: isReady ? 200 : 503 });
        },
        describe(
          "Does it take requests",
          "200 when the configuration is valid, a credential is present and the process is not draining; else 503. `notices` says what needs its owner all the same: a changed configuration that is refused, a database or a Redis that cannot be used.",
        ),
      )
      .get(
        "/metrics",
        async ({ request }) => {
          access.metricsReader(request);
          return new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } });
        },
        describe(
          "Prometheus metrics",
          "Open to whoever may use models, but to no virtual key (403): they are of all callers together. A login of any role may read them.",
          anonymousWhereAllowed,
        ),
      )
  );
}
