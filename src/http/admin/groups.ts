import { Elysia } from "elysia";
import type { z } from "zod";
import { pageQuery } from "../../admin/contract/fields.ts";
import {
  changedGroupSchema,
  groupCreateSchema,
  groupListSchema,
  groupUpdateSchema,
  groupViewSchema,
  issuedProxyKeySchema,
  proxyKeyCreateSchema,
  proxyKeyListSchema,
  proxyKeyUpdateSchema,
  proxyKeyViewSchema,
  statusSchema,
} from "../../admin/contract/groups.ts";
import { createGroups, type Groups } from "../../admin/groups.ts";
import { createProxyKeys, type ProxyKeys } from "../../admin/proxy-keys.ts";
import { createTraffic } from "../../admin/traffic.ts";
import { version } from "../../version.ts";
import { jsonContent, requestContent } from "../docs/openapi.ts";
import type { RouteParts } from "../route-parts.ts";
import { type ConfigurationParts, configurationOf } from "./configuration-of.ts";
import { json, noDatabase, readJson, readQuery } from "./json.ts";
import { adminOf, checkLoaded, describeAs, idParameter, parametersOf, refusals } from "./resource-routes.ts";

export interface GroupParts extends ConfigurationParts, Pick<RouteParts, "providerHealth" | "readiness" | "requests"> {
  readonly gateway: Pick<RouteParts["gateway"], "active">;
}

interface Told {
  summary: string;
  description?: string;
  body?: z.ZodType;
  answer?: z.ZodType;
  status?: number;
}

const gone = { 204: { description: "It is gone" } };

function detail({ summary, description, body, answer, status = 200 }: Told, parameters: object[] = []) {
  return describeAs("groups", {
    summary,
    ...(description === undefined ? {} : { description }),
    parameters,
    ...(body === undefined ? {} : { requestBody: { required: true, ...requestContent(body) } }),
    responses: {
      ...(answer === undefined ? gone : { [status]: { description: "So it is now", ...jsonContent(answer) } }),
      ...refusals,
    },
  });
}

const dayMs = 86_400_000;

/** What GET /admin/status tells. */
async function statusOf({
  gateway,
  providerHealth,
  readiness,
  requests,
  admin,
  ...parts
}: GroupParts): Promise<object> {
  const { isReady, reasons, notices } = readiness();
  const { providers } = configurationOf({ ...parts, admin }).live.loaded().config;
  const health = new Map(providerHealth().map(({ provider, status }) => [provider, status]));
  const traffic = createTraffic({ ring: requests.ring, store: requests.store });
  const [total] = await traffic.statistics({ by: undefined, since: Date.now() - dayMs });
  return {
    status: isReady ? "ready" : "not ready",
    reasons,
    notices,
    version,
    uptimeSeconds: Math.round(process.uptime()),
    activeRequests: gateway.active(),
    groups: Object.entries(providers).map(([groupName, { enabled }]) => {
      return { groupName, enabled, status: health.get(groupName) ?? "healthy" };
    }),
    proxyKeys: admin?.keyCount() ?? 0,
    requests: {
      total: total?.requests ?? 0,
      errors: total?.errors ?? 0,
      promptTokens: total?.promptTokens ?? 0,
      completionTokens: total?.completionTokens ?? 0,
      costUsd: total === undefined ? 0 : (total.costUsd ?? null),
    },
  };
}

/** /admin/…: OrchestrationApi's doors to providers and virtual keys. */
export function groupRoutes(parts: GroupParts) {
  const groups = (): Groups => createGroups(configurationOf(parts));
  const proxyKeys = (): ProxyKeys => {
    if (parts.admin === undefined) throw noDatabase("Proxy keys");
    return createProxyKeys(parts.admin.keys);
  };

  return new Elysia({ name: "groups", prefix: "/admin" })
    .get(
      "/status",
      async ({ request }) => {
        adminOf(request, parts, "viewer");
        return json(await statusOf(parts));
      },
      detail({ summary: "How the gateway is", answer: statusSchema }),
    )
    .get(
      "/groups",
      ({ request }) => {
        adminOf(request, parts, "viewer");
        checkLoaded(parts);
        return json({ groups: groups().list() });
      },
      detail({
        summary: "List groups",
        description: "Providers, as OrchestrationApi tells of them.",
        answer: groupListSchema,
      }),
    )
    .post(
      "/groups",
      async ({ request }) => {
        const by = adminOf(request, parts, "admin");
        return json(await groups().create(await readJson(request, groupCreateSchema, parts), by), 201);
      },
      detail({ summary: "Make a group", body: groupCreateSchema, answer: changedGroupSchema, status: 201 }),
    )
    .get(
      "/groups/:id",
      ({ request, params }) => {
        adminOf(request, parts, "viewer");
        return json(groups().get(params.id));
      },
      detail({ summary: "Show a group", answer: groupViewSchema }, [idParameter]),
    )
    .put(
      "/groups/:id",
      async ({ request, params }) => {
        const by = adminOf(request, parts, "admin");
        return json(await groups().update(params.id, await readJson(request, groupUpdateSchema, parts), by));
      },
      detail({ summary: "Change a group", body: groupUpdateSchema, answer: changedGroupSchema }, [idParameter]),
    )
    .delete(
      "/groups/:id",
      async ({ request, params }) => {
        const by = adminOf(request, parts, "admin");
        await groups().remove(params.id, by);
        return new Response(null, { status: 204 });
      },
      detail({ summary: "Delete a group" }, [idParameter]),
    )
    .get(
      "/proxy-keys",
      ({ request }) => {
        adminOf(request, parts, "viewer");
        checkLoaded(parts);
        const { data, cursor } = proxyKeys().page(readQuery(request, pageQuery));
        return json({ proxyKeys: data, cursor });
      },
      detail({ summary: "List proxy keys", answer: proxyKeyListSchema }, parametersOf(pageQuery)),
    )
    .post(
      "/proxy-keys",
      async ({ request }) => {
        const by = adminOf(request, parts, "operator");
        return json(await proxyKeys().create(await readJson(request, proxyKeyCreateSchema, parts), by), 201);
      },
      detail({ summary: "Make a proxy key", body: proxyKeyCreateSchema, answer: issuedProxyKeySchema, status: 201 }),
    )
    .put(
      "/proxy-keys/:id",
      async ({ request, params }) => {
        const by = adminOf(request, parts, "operator");
        return json(await proxyKeys().update(params.id, await readJson(request, proxyKeyUpdateSchema, parts), by));
      },
      detail({ summary: "Change a proxy key", body: proxyKeyUpdateSchema, answer: proxyKeyViewSchema }, [idParameter]),
    )
    .delete(
      "/proxy-keys/:id",
      async ({ request, params }) => {
        const by = adminOf(request, parts, "operator");
        await proxyKeys().remove(params.id, by);
        return new Response(null, { status: 204 });
      },
      detail({ summary: "Delete a proxy key" }, [idParameter]),
    );
}
