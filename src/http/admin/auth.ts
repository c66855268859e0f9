import { Elysia } from "elysia";
import {
  authTokensSchema,
  loginSchema,
  passwordSchema,
  refreshSchema,
  setupAnswerSchema,
  setupSchema,
} from "../../admin/contract/auth.ts";
import type { Holder, Visitor } from "../../admin/identity/sessions.ts";
import { GatewayError } from "../../errors.ts";
import { jsonContent } from "../docs/openapi.ts";
import type { RouteParts } from "../route-parts.ts";
import { json, readJson } from "./json.ts";
import { describeAs } from "./resource-routes.ts";

export type AuthParts = Pick<RouteParts, "access" | "connections" | "server" | "identity">;

/** From where a request comes. */
export function visitorOf(request: Request, { connections }: Pick<AuthParts, "connections">): Visitor {
  return { address: connections.addressOf(request), agent: request.headers.get("user-agent") ?? undefined };
}

/** Who is logged in. Throws GatewayError: 401, 409 for whoever has the admin token instead. */
export function holderOf(request: Request, { access }: Pick<AuthParts, "access">): Holder {
  const { holder } = access.admin(request, "viewer");
  if (holder !== undefined) return holder;
  const message = "This is for whoever has logged in (POST /api/auth/login); the admin token has no session.";
  throw new GatewayError({ code: "conflict", status: 409, message });
}

const refusals = {
  400: { description: "A field is wrong or unknown: the message names it" },
  401: { description: "It is wrong, or not good any more" },
  503: { description: "The database is out of reach" },
};
const tooMany = { 429: { description: "Too many failures: `Retry-After` says how long to wait" } };
const tokens = { 200: { description: "Tokens", ...jsonContent(authTokensSchema) } };

const details = {
  login: describeAs("admin", {
    summary: "Log in",
    description: "With the user name and password of ADMIN_USERNAME and ADMIN_PASSWORD, or of a user of /api/users.",
    security: [],
    requestBody: { required: true, ...jsonContent(loginSchema) },
    responses: { ...tokens, ...refusals, ...tooMany },
  }),
  refresh: describeAs("admin", {
    summary: "Renew a login",
    description: "A refresh token is good once; using one a second time ends the session.",
    security: [],
    requestBody: { required: true, ...jsonContent(refreshSchema) },
    responses: { ...tokens, ...refusals },
  }),
  setup: describeAs("admin", {
    summary: "Make the first admin",
    description: "With the token of the link that a new gateway prints; from its own machine only.",
    security: [],
    requestBody: { required: true, ...jsonContent(setupSchema) },
    responses: {
      201: { description: "Made and logged in", ...jsonContent(setupAnswerSchema) },
      ...refusals,
      403: { description: "From another machine" },
      409: { description: "There is an admin already" },
    },
  }),
  password: describeAs("admin", {
    summary: "Change your password",
    description: "All your sessions end; the answer begins another one.",
    requestBody: { required: true, ...jsonContent(passwordSchema) },
    responses: { ...tokens, ...refusals, ...tooMany, 409: { description: "It is not kept here" } },
  }),
};

/** /api/auth: how people become admins. */
export function authRoutes(parts: AuthParts) {
  const { identity, access } = parts;
  return new Elysia({ name: "auth" })
    .post(
      "/api/auth/login",
      async ({ request }) =>
        json(await identity.login(await readJson(request, loginSchema, parts), visitorOf(request, parts))),
      details.login,
    )
    .post(
      "/api/auth/refresh",
      async ({ request }) => {
        const { refreshToken } = await readJson(request, refreshSchema, parts);
        return json(await identity.sessions.renew(refreshToken, visitorOf(request, parts)));
      },
      details.refresh,
    )
    .post(
      "/api/auth/setup",
      async ({ request }) => {
        access.onlyLocal(request);
        return json(await identity.setup(await readJson(request, setupSchema, parts), visitorOf(request, parts)), 201);
      },
      details.setup,
    )
    .post(
      "/api/auth/password",
      async ({ request }) => {
        const holder = holderOf(request, parts);
        const change = await readJson(request, passwordSchema, parts);
        return json(await identity.changePassword(holder, change, visitorOf(request, parts)));
      },
      details.password,
    );
}
