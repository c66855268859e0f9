import { Elysia } from "elysia";
import { pageScript, smallPage } from "./small-page.ts";

const body = `
<h1>Login</h1>
<p role="status">One moment …</p>
<label hidden>Access token, for the API <input readonly></label>
<noscript>This page needs JavaScript; POST /api/auth/refresh takes the refresh token in its address.</noscript>
`;

const script = `const refreshToken = new URLSearchParams(location.hash.slice(1)).get("refreshToken") ?? "";
history.replaceState(null, "", location.pathname);
const status = document.querySelector("[role=status]");
const label = document.querySelector("label");
async function asked(path, request) {
  const response = await window.fetch(path, request);
  const answer = await response.json();
  if (response.ok) return answer;
  throw new Error(answer.error.message);
}
async function show() {
  if (refreshToken === "") throw new Error("Nobody is logged in here. A login at an identity provider begins at /api/auth/oidc/start.");
  const { accessToken, expiresIn } = await asked("/api/auth/refresh", { method: "POST", body: JSON.stringify({ refreshToken }) });
  const { name, role } = await asked("/api/auth/me", { headers: { authorization: "Bearer " + accessToken } });
  status.textContent = "You are logged in as " + name + ", with the role " + role + ". The token below is good for " + Math.floor(expiresIn / 60) + " minutes.";
  label.querySelector("input").value = accessToken;
  label.hidden = false;
}
show().catch((error) => (status.textContent = error.message));
`;

/** /dashboard/: where a login at an identity provider leads; the refresh token stands behind `#`, which no server is told. */
export const loginPage = new Elysia({ name: "login-page" })
  .get("/dashboard/", () => smallPage({ title: "login", body, script: "/dashboard/login.js" }), {
    detail: { hide: true },
  })
  .get("/dashboard/login.js", () => pageScript(script), { detail: { hide: true } });
