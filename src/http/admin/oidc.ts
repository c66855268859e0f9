import { Elysia } from "elysia";
import { ticketSeconds } from "../../admin/identity/oidc.ts";
import { type AuthParts, visitorOf } from "./auth.ts";
import { describeAs } from "./resource-routes.ts";

const cookieName = "orcestator_oidc";
const scope = "Path=/api/auth/oidc; HttpOnly; SameSite=Lax";

const details = {
  start: describeAs("admin", {
    summary: "Log in at the identity provider",
    description: "For browsers: leads to the provider of admin.oidc, and back to the callback.",
    security: [],
    responses: { 303: { description: "To the provider" }, 404: { description: "None is configured" } },
  }),
  callback: describeAs("admin", {
    summary: "Back from the identity provider",
    description: "Leads to /dashboard/#refreshToken=…: it is good once, for POST /api/auth/refresh.",
    security: [],
    responses: {
      303: { description: "Logged in" },
      401: { description: "The provider does not vouch for it" },
      403: { description: "The account has no role here" },
      429: { description: "Too many logins at the same time" },
    },
  }),
};

function ticketOf(request: Request): string | undefined {
  const cookies = (request.headers.get("cookie") ?? "").split(/;\s*/);
  return cookies.find((cookie) => cookie.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
}

function redirect(location: string, cookie: string): Response {
  return new Response(null, {
    status: 303,
    headers: { location, "set-cookie": cookie, "cache-control": "no-store", "referrer-policy": "no-referrer" },
  });
}

/** /api/auth/oidc: logging in elsewhere. */
export function oidcRoutes(parts: AuthParts) {
  const { identity } = parts;
  return new Elysia({ name: "oidc" })
    .get(
      "/api/auth/oidc/start",
      async () => {
        const { location, ticket, isSecure } = await identity.startElsewhere();
        const secure = isSecure ? "; Secure" : "";
        return redirect(location, `${cookieName}=${ticket}; Max-Age=${ticketSeconds}; ${scope}${secure}`);
      },
      details.start,
    )
    .get(
      "/api/auth/oidc/callback",
      async ({ request }) => {
        const { search } = new URL(request.url);
        const { refreshToken } = await identity.returnFromElsewhere(
          search,
          ticketOf(request),
          visitorOf(request, parts),
        );
        // Behind `#` it is in no log, and worth nothing once it was used.
        return redirect(`/dashboard/#refreshToken=${refreshToken}`, `${cookieName}=; Max-Age=0; ${scope}`);
      },
      details.callback,
    );
}
