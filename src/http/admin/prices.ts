import { Elysia } from "elysia";
import { type PriceReport, priceReportSchema } from "../../prices/price-report.ts";
import { viewJson } from "../../telemetry/request-view.ts";
import type { Access } from "../access.ts";
import { jsonContent } from "../docs/openapi.ts";

interface PriceParts {
  access: Pick<Access, "admin">;
  prices(): PriceReport;
}

const detail = {
  tags: ["operation"],
  summary: "What models are charged by",
  description:
    "The price of every configured target, who says so and of which day it is, and the state of the price table. Dollars for a million tokens; `null` = not known. Needs the admin token.",
  responses: {
    200: { description: "The prices", ...jsonContent(priceReportSchema) },
    401: { description: "No admin token, or a wrong one" },
  },
} as never;

/** GET /api/prices: what requests are charged by. */
export function priceRoutes(parts: PriceParts) {
  const { access } = parts;
  return new Elysia({ name: "prices" }).get(
    "/api/prices",
    ({ request }) => {
      access.admin(request, "viewer");
      const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
      return new Response(viewJson(parts.prices()), { headers });
    },
    { detail },
  );
}
