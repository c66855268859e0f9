import { Elysia } from "elysia";
import { sessionsSchema, type SessionView, type Who, whoSchema } from "../../admin/contract/auth.ts";
import type { Session } from "../../admin/identity/session.ts";
import { isoTime } from "../../admin/stored-fields.ts";
import { GatewayError } from "../../errors.ts";
import type { AdminCaller } from "../access.ts";
import { jsonContent } from "../docs/openapi.ts";
import { type AuthParts, holderOf } from "./auth.ts";
import { json } from "./json.ts";
import { adminOf, describeAs, idParameter, refusals } from "./resource-routes.ts";

const details = {
  me: describeAs("admin", {
    summary: "Who you are",
    responses: { 200: { description: "You", ...jsonContent(whoSchema) }, ...refusals },
  }),
  logout: describeAs("admin", {
    summary: "Log out",
    responses: { 204: { description: "The session has ended" }, ...refusals },
  }),
  list: describeAs("admin", {
    summary: "List sessions",
    description: "Your own; an admin sees all.",
    responses: { 200: { description: "Those that have not ended", ...jsonContent(sessionsSchema) }, ...refusals },
  }),
  end: describeAs("admin", {
    summary: "End a session",
    description: "Its tokens are good nowhere any more, on other gateways of the same database within 5 seconds.",
    parameters: [idParameter],
    responses: { 204: { description: "It has ended" }, 404: { description: "No such session" }, ...refusals },
  }),
};

function notFound(id: string): GatewayError {
  const message = `There is no session ${id.slice(0, 100)} here; GET /api/auth/sessions lists those there are.`;
  return new GatewayError({ code: "not_found", status: 404, message });
}

function viewOf(session: Session, current: string | undefined): SessionView {
  const { id, userId, name, by, createdAt, renewedAt, expiresAt, address, agent } = session;
  return {
    id,
    userId,
    name,
    by,
    createdAt: isoTime(createdAt),
    renewedAt: isoTime(renewedAt),
    expiresAt: isoTime(expiresAt),
    ...(address !== undefined && { address }),
    ...(agent !== undefined && { agent }),
    isCurrent: id === current,
  };
}

function whoIs({ role, holder }: AdminCaller): Who {
  if (holder === undefined) return { name: "admin", role };
  const { name, userId, sessionId } = holder;
  return { name, role, userId, sessionId };
}

/** /api/auth/me, logout and sessions: whoever has logged in, and from where. */
export function sessionRoutes(parts: AuthParts) {
  const { access, identity } = parts;

  /** What somebody may see and end: their own, an admin everybody's. */
  function visible({ role, holder }: AdminCaller): Session[] {
    const all = identity.sessions.list();
    return role === "admin" ? all : all.filter(({ userId }) => userId === holder?.userId);
  }

  return new Elysia({ name: "sessions" })
    .get("/api/auth/me", ({ request }) => json(whoIs(access.admin(request, "viewer"))), details.me)
    .post(
      "/api/auth/logout",
      async ({ request }) => {
        const { sessionId } = holderOf(request, parts);
        await identity.logout(sessionId, adminOf(request, parts, "viewer"));
        return new Response(null, { status: 204 });
      },
      details.logout,
    )
    .get(
      "/api/auth/sessions",
      ({ request }) => {
        const caller = access.admin(request, "viewer");
        return json({ data: visible(caller).map((session) => viewOf(session, caller.holder?.sessionId)) });
      },
      details.list,
    )
    .delete(
      "/api/auth/sessions/:id",
      async ({ request, params: { id } }) => {
        const caller = access.admin(request, "viewer");
        if (!visible(caller).some((session) => session.id === id)) throw notFound(id);
        await identity.logout(id, adminOf(request, parts, "viewer"));
        return new Response(null, { status: 204 });
      },
      details.end,
    );
}
