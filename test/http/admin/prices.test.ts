import { Elysia } from "elysia";
import { keyAccess } from "../../support/key-access.ts";
import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { priceRoutes } from "../../../src/http/admin/prices.ts";
import { plainError } from "../../../src/http/errors.ts";
import { type PriceReport, priceReportSchema } from "../../../src/prices/price-report.ts";

const report: PriceReport = {
  prices: [{ model: "smart", provider: "claude", upstreamModel: "claude-x", price: undefined }],
  table: { source: "bundled", asOf: "2026-09-23", refresh: undefined },
};

function serve(): Bun.Server<undefined> {
  const access = keyAccess({ admin: ["admin-token-1"] });
  const app = new Elysia()
    .onError(({ error }) => (error instanceof GatewayError ? plainError(error) : undefined))
    .use(priceRoutes({ access, prices: () => report }));
  return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
}

async function ask(token: string | undefined): Promise<{ status: number; body: unknown }> {
  const server = serve();
  try {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`http://127.0.0.1:${server.port}/api/prices`, { headers });
    return { status: response.status, body: await response.json() };
  } finally {
    await server.stop(true);
  }
}

test("prices are told to the admin, with what is not known as null", async () => {
  const { status, body } = await ask("admin-token-1");
  expect(status).toBe(200);
  expect(body).toEqual({
    prices: [{ model: "smart", provider: "claude", upstreamModel: "claude-x", price: null }],
    table: { source: "bundled", asOf: "2026-09-23", refresh: null },
  });
  expect(priceReportSchema.safeParse(body).success).toBe(true);
});

test("and to nobody else", async () => {
  expect((await ask(undefined)).status).toBe(401);
  expect((await ask("another-token")).status).toBe(401);
});
