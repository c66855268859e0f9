import { Elysia } from "elysia";
import { logPageSchema, logQuery, statsQuery, statsSchema } from "../../admin/contract/traffic.ts";
import { isoTime } from "../../admin/stored-fields.ts";
import { createTraffic } from "../../admin/traffic.ts";
import type { StatisticsRow } from "../../storage/store.ts";
import { requestRow, viewJson } from "../../telemetry/request-view.ts";
import { jsonContent } from "../docs/openapi.ts";
import type { RouteParts } from "../route-parts.ts";
import { readQuery } from "./json.ts";
import { readSince } from "./read-since.ts";
import { adminOf, type AdminParts, checkLoaded, describeAs, parametersOf, refusals } from "./resource-routes.ts";

interface TrafficParts extends AdminParts, Pick<RouteParts, "requests"> {}

const { 409: _conflict, ...refused } = refusals;

const details = {
  logs: describeAs("operation", {
    summary: "Finished requests, page by page",
    description:
      "The newest first: of the database, or without one of memory. A page may hold fewer than `limit`, or none, while there is a `cursor`. Texts and decisions are in /api/requests/{id}.",
    parameters: parametersOf(logQuery),
    responses: { 200: { description: "A page of requests", ...jsonContent(logPageSchema) }, ...refused },
  }),
  stats: describeAs("operation", {
    summary: "Requests, errors, tokens, cost and latency",
    parameters: parametersOf(statsQuery),
    responses: { 200: { description: "The totals", ...jsonContent(statsSchema) }, ...refused },
  }),
};

const usualSinceMs = 86_400_000;

function json(view: unknown): Response {
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
  return new Response(viewJson(view), { headers });
}

/** GET /api/logs and /api/stats: what was asked, and what it sums up to. */
export function trafficRoutes(parts: TrafficParts) {
  const { ring, store } = parts.requests;
  const traffic = createTraffic({ ring, store });

  async function withNames(rows: readonly StatisticsRow[], options: { withDeleted: boolean }): Promise<object[]> {
    const ids = rows.map(({ group }) => group);
    const names = await parts.admin?.keyNames.of(ids, options);
    return rows.map((row) => ({ ...row, name: names?.get(row.group) }));
  }

  function keyIdOf(key: string | undefined): string | undefined {
    if (key === undefined) return undefined;
    checkLoaded(parts);
    return parts.admin?.keyNames.idOf(key) ?? key;
  }

  return new Elysia({ name: "traffic" })
    .get(
      "/api/logs",
      async ({ request }) => {
        adminOf(request, parts, "viewer");
        const { since: text, key, ...query } = readQuery(request, logQuery);
        const since = text === undefined ? undefined : readSince(text);
        const page = await traffic.page({ ...query, since, key: keyIdOf(key) });
        return json({ data: page.requests.map(requestRow), cursor: page.cursor });
      },
      details.logs,
    )
    .get(
      "/api/stats",
      async ({ request }) => {
        const { role } = parts.access.admin(request, "viewer");
        const { by, key: named, since: text } = readQuery(request, statsQuery);
        const key = keyIdOf(named);
        const since = text === undefined ? Date.now() - usualSinceMs : readSince(text);
        const rows = await traffic.statistics({ by, since, key });
        const [total] = await traffic.statistics({ by: undefined, since, key });
        const shown = by === "key" ? await withNames(rows, { withDeleted: role === "admin" }) : rows;
        return json({ by, since: isoTime(since), source: traffic.source, rows: shown, total });
      },
      details.stats,
    );
}
