import { Elysia } from "elysia";
import { z } from "zod";
import { issuedKeySchema, keyRotateSchema } from "../../admin/contract/keys.ts";
import { ownKeySchema, ownUsageSchema } from "../../admin/contract/usage.ts";
import type { Admin } from "../../admin/index.ts";
import { tokenReplaced } from "../../admin/keys.ts";
import { GatewayError } from "../../errors.ts";
import type { KeyGrant } from "../../keys/virtual-key.ts";
import { isRefusal, type LimitSet, type Scope } from "../../limits/limiter.ts";
import { createLimiter } from "../../limits/memory-limiter.ts";
import { refusalError } from "../../limits/refusal-error.ts";
import type { Caller } from "../access.ts";
import { jsonContent, requestContent } from "../docs/openapi.ts";
import { json, noDatabase, readJson, readQuery } from "./json.ts";
import { readSince, sinceParameter } from "./read-since.ts";
import { type AdminParts, describe } from "./resource-routes.ts";

const sinceQuery = z.strictObject({ since: z.string().min(1).max(40).optional() });
const usualSinceMs = 30 * 86_400_000;

function sinceOf(request: Request): number {
  const { since } = readQuery(request, sinceQuery);
  return since === undefined ? Date.now() - usualSinceMs : readSince(since);
}

function noOwnKey({ keyId }: Caller): GatewayError {
  const how = { anonymous: "without a key", admin: "with the admin token" }[keyId] ?? "with a key of the configuration";
  const message = `This tells the holder of a virtual key what it was used for, and you call ${how}. Keys are at /api/keys, requests at /api/requests.`;
  return new GatewayError({ code: "forbidden", status: 403, message });
}

const refusals = {
  401: { description: "No key, or one that may not be used" },
  403: { description: "This is no virtual key, or for a rotation the token before the last one" },
  409: { description: "No database is configured" },
  429: { description: "More than 60 questions in a minute" },
};

const details = {
  usage: describe({
    summary: "What your key was used for",
    parameters: [sinceParameter],
    responses: { 200: { description: "Requests, cost and budgets", ...jsonContent(ownUsageSchema) }, ...refusals },
  }),
  me: describe({
    summary: "Your key, its limits, and what it was used for",
    parameters: [sinceParameter],
    responses: { 200: { description: "The key", ...jsonContent(ownKeySchema) }, ...refusals },
  }),
  rotate: describe({
    summary: "Give your key another token",
    requestBody: { required: false, ...requestContent(keyRotateSchema) },
    responses: { 200: { description: "The key with its new token", ...jsonContent(issuedKeySchema) }, ...refusals },
  }),
};

/** What a person or a program asks for now and then; a key's own limits are for its requests. */
const ownLimits: LimitSet = { rpm: 60 };

/** /v1/usage and /api/me: a virtual key's own holder. */
export function ownKeyRoutes(parts: AdminParts) {
  const limiter = createLimiter({ queue: { size: 0, waitMs: 0 } });

  function owner(request: Request): { grant: KeyGrant; hasOldToken: boolean; admin: Admin } {
    const caller = parts.access.caller(request);
    if (parts.admin === undefined) throw noDatabase("Virtual keys");
    if (caller.grant === undefined) throw noOwnKey(caller);
    const scope: Scope = { kind: "key", id: `${caller.keyId} (questions about itself)`, limits: ownLimits };
    const taken = limiter.take([scope], { tokens: () => 0, priority: 0 });
    if (isRefusal(taken)) throw refusalError(taken);
    return { grant: caller.grant, hasOldToken: caller.hasOldToken === true, admin: parts.admin };
  }

  return new Elysia({ name: "own-key" })
    .get(
      "/v1/usage",
      async ({ request }) => {
        const { grant, admin } = owner(request);
        return json(await admin.own.usage(grant, sinceOf(request)));
      },
      details.usage,
    )
    .get(
      "/api/me",
      async ({ request }) => {
        const { grant, admin } = owner(request);
        return json(await admin.own.describe(grant, sinceOf(request)));
      },
      details.me,
    )
    .post(
      "/api/me/rotate",
      async ({ request }) => {
        const { grant, hasOldToken, admin } = owner(request);
        if (hasOldToken) throw tokenReplaced(grant.key.id);
        const { id, hash } = grant.key;
        const by = { actor: id, address: parts.connections.addressOf(request) };
        const how = await readJson(request, keyRotateSchema, parts);
        return json(await admin.keys.rotate(id, { ...how, instead: hash }, by));
      },
      details.rotate,
    );
}
