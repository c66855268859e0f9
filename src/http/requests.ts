import { Elysia } from "elysia";
import { z } from "zod";
import type { NewestRequests } from "../admin/traffic.ts";
import { GatewayError, invalidRequest } from "../errors.ts";
import { outOfReach } from "../admin/out-of-reach.ts";
import type { RequestStore } from "../storage/store.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import type { Maybe } from "../storage/store.ts";
import { requestRow, requestRowSchema, requestView, requestViewSchema, viewJson } from "../telemetry/request-view.ts";
import type { Access } from "./access.ts";
import { jsonContent } from "./docs/openapi.ts";

export interface RecentRequests extends NewestRequests {
  find(id: string): Maybe<RequestRecord | undefined>;
}

/** Where finished requests are looked for. */
export interface RequestSource {
  readonly ring: RecentRequests;
  /** Looks into the database; `undefined` = none is configured. */
  readonly stored: ((id: string) => RequestRecord | undefined | Promise<RequestRecord | undefined>) | undefined;
  /** Lists and counts them in the database; absent where none is configured. */
  readonly store?: Pick<RequestStore, "list" | "statistics"> | undefined;
}

interface RequestParts {
  access: Access;
  requests: RequestSource;
}

const idShape = /^req_[0-9a-z]{24}$/;
const mostRows = 500;

function readLimit(text: string | null): number {
  const limit = text === null || text === "" ? 50 : Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostRows) return limit;
  throw invalidRequest(`limit must be a number from 1 to ${mostRows}.`, "limit");
}

function isFailure({ endReason }: RequestRecord): boolean {
  return endReason !== "completed" && endReason !== "client_cancelled";
}

/** Test for `503`, `5xx`, `error` or `ok`. */
function readStatus(text: string): (record: RequestRecord) => boolean {
  if (text === "error") return isFailure;
  if (text === "ok") return ({ endReason }) => endReason === "completed";
  if (/^[1-9]\d\d$/.test(text)) return ({ status }) => status === Number(text);
  if (/^[1-9]xx$/i.test(text)) return ({ status }) => Math.floor(status / 100) === Number(text[0]);
  throw invalidRequest("status must be a status (503), a class (5xx), error or ok.", "status");
}

/** Test for a part of the asked or served name, in any case. */
function readModel(text: string): (record: RequestRecord) => boolean {
  const part = text.toLowerCase();
  return ({ modelAsked, modelServed = "" }) => `${modelAsked}\n${modelServed}`.toLowerCase().includes(part);
}

function filterOf(query: URLSearchParams): (record: RequestRecord) => boolean {
  const model = query.get("model") ?? "";
  const status = query.get("status") ?? "";
  const hasModel = model === "" ? () => true : readModel(model);
  const hasStatus = status === "" ? () => true : readStatus(status);
  return (record) => hasStatus(record) && hasModel(record);
}

function notKnown(id: string, { ring, stored }: RequestSource): GatewayError {
  const kept = `the last ${ring.capacity} requests since the start are kept in memory`;
  const advice =
    stored === undefined
      ? `${kept} only. Set storage.url (OR_DB_PATH) to keep all of them in a database.`
      : `${kept}, all of them in the database. Ask the gateway whose answer had this x-request-id; what was refused before a model was asked for stands in its log alone.`;
  return new GatewayError({ code: "not_found", status: 404, message: `Request ${id} is not known here: ${advice}` });
}

async function readStored({ stored }: RequestSource, id: string): Promise<RequestRecord | undefined> {
  try {
    return await stored?.(id);
  } catch (cause) {
    throw outOfReach(cause);
  }
}

function json(view: unknown): Response {
  // It may hold what people wrote.
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
  return new Response(viewJson(view), { headers });
}

function queryParameter(name: string, description: string): object {
  return { name, in: "query", required: false, description, schema: { type: "string" } };
}

const refused = { 401: { description: "No admin token, or a wrong one" } };

const listDetail = {
  tags: ["operation"],
  summary: "The last requests",
  description: "The newest first, from memory: texts and decisions are in /api/requests/{id}. Needs the admin token.",
  parameters: [
    queryParameter("limit", `How many at most: 1 to ${mostRows}, default 50`),
    queryParameter("model", "A part of the name asked for or served"),
    queryParameter("status", "A status (503), a class (5xx), error or ok"),
  ],
  responses: {
    200: { description: "The requests", ...jsonContent(z.object({ data: z.array(requestRowSchema) })) },
    400: { description: "A query parameter is wrong" },
    ...refused,
  },
} as never;

const oneDetail = {
  tags: ["operation"],
  summary: "One request and every decision on its way",
  description:
    "By the id that its answer had in x-request-id: from memory, else from the database. `null` = not known. Needs the admin token.",
  parameters: [{ name: "id", in: "path", required: true, schema: { type: "string", pattern: idShape.source } }],
  responses: {
    200: { description: "The request", ...jsonContent(requestViewSchema) },
    400: { description: "This is no request's id" },
    404: { description: "Not known (any more)" },
    ...refused,
  },
} as never;

/** GET /api/requests and /api/requests/{id}: finished requests, and why they went where they went. */
export function requestRoutes({ access, requests }: RequestParts) {
  return new Elysia({ name: "requests" })
    .get(
      "/api/requests",
      async ({ request }) => {
        access.admin(request, "viewer");
        const query = new URL(request.url).searchParams;
        const limit = readLimit(query.get("limit"));
        const found = await requests.ring.newest(limit, filterOf(query));
        return json({ data: found.map(requestRow) });
      },
      { detail: listDetail },
    )
    .get(
      "/api/requests/:id",
      async ({ request, params: { id } }) => {
        access.admin(request, "viewer");
        if (!idShape.test(id))
          throw invalidRequest("A request's id is req_ and 24 letters and digits: x-request-id of its answer.", "id");
        const record = (await requests.ring.find(id)) ?? (await readStored(requests, id));
        if (record === undefined) throw notKnown(id, requests);
        return json(requestView(record));
      },
      { detail: oneDetail },
    );
}
