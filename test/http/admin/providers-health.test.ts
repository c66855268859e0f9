import { describe, expect, test } from "bun:test";
import { allProvidersHealthSchema, providerHealthSchema } from "../../../src/routing/health/view-schema.ts";
import { adminToken, createTroubled, serveProviderHealth } from "../../support/provider-health.ts";

async function ask(path: string, token: string | undefined = adminToken): Promise<{ status: number; body: unknown }> {
  const registry = createTroubled();
  using server = serveProviderHealth(() => registry.views());
  const headers: Record<string, string> = token === "" ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
  return { status: response.status, body: await response.json() };
}

describe("the health of providers", () => {
  test("is told of all of them, with what is not known as null", async () => {
    const { status, body } = await ask("/api/providers/health");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      providers: [
        {
          provider: "good",
          status: "healthy",
          probe: null,
          targets: [{ model: "model-a", latencyMs: { whole: 820 } }],
        },
        {
          provider: "down",
          status: "degraded",
          targets: [
            { model: "model-b", status: "unhealthy", circuit: "open", errors: 5, lastError: { status: null } },
            { model: "model-c", status: "healthy", circuit: "closed", reason: null, lastError: null },
          ],
        },
        {
          provider: "poor",
          status: "degraded",
          targets: [],
          credentials: [
            {
              label: "#1 …a1b2",
              status: "unhealthy",
              disabled: { reason: "Incorrect API key provided: [credential]" },
            },
            { label: "#2 …c3d4", status: "degraded", coolingUntil: { m: expect.any(Number) }, disabled: null },
            { label: "#3 …e5f6", status: "healthy" },
          ],
        },
      ],
    });
    expect(JSON.stringify(body)).not.toContain("0123456789");
  });

  test("has the form that is described", async () => {
    const { body } = await ask("/api/providers/health");
    const strict = JSON.stringify(allProvidersHealthSchema.parse(body));
    expect(JSON.parse(strict)).toEqual(body);
  });

  test("is told of one", async () => {
    const { status, body } = await ask("/api/providers/down/health");
    expect([status, providerHealthSchema.parse(body).provider]).toEqual([200, "down"]);
  });

  test("of a provider that is not there is a 404 that says where to look", async () => {
    for (const name of ["nobody", "__proto__", encodeURIComponent("a/b"), "x".repeat(1000)]) {
      const { status, body } = await ask(`/api/providers/${name}/health`);
      expect([status, JSON.stringify(body)]).toEqual([404, expect.stringContaining("GET /api/providers/health")]);
      expect(JSON.stringify(body).length).toBeLessThan(500);
    }
  });

  test("is told to nobody without the admin token", async () => {
    for (const path of ["/api/providers/health", "/api/providers/good/health", "/api/providers/nobody/health"])
      for (const token of ["", "wrong-token"]) {
        const { status, body } = await ask(path, token);
        expect([status, JSON.stringify(body)]).toEqual([401, expect.stringContaining("AUTH_TOKEN")]);
      }
  });
});
