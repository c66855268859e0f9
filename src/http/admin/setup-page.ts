import { Elysia } from "elysia";
import { pageScript, smallPage } from "./small-page.ts";

const body = `
<h1>The first admin</h1>
<form>
<label>User name <input name="username" autocomplete="username" value="admin" required maxlength="100"></label>
<label>Password, at least 8 characters <input name="password" type="password" autocomplete="new-password" required minlength="8" maxlength="1024"></label>
<button>Make</button>
</form>
<p role="status"></p>
<noscript>This page needs JavaScript; POST /api/auth/setup does the same.</noscript>
`;

const script = `const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
history.replaceState(null, "", location.pathname);
const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { username, password } = Object.fromEntries(new FormData(form));
  const response = await window.fetch("/api/auth/setup", { method: "POST", body: JSON.stringify({ token, username, password }) });
  const answer = await response.json();
  form.hidden = response.ok;
  status.textContent = response.ok
    ? "Done: log in as " + username + " with POST /api/auth/login. " + (answer.note ?? "")
    : answer.error.message;
});
`;

/** /dashboard/setup: where the link of a new gateway leads; its token stands behind `#`, which no server is told. */
export const setupPage = new Elysia({ name: "setup-page" })
  .get("/dashboard/setup", () => smallPage({ title: "the first admin", body, script: "/dashboard/setup.js" }), {
    detail: { hide: true },
  })
  .get("/dashboard/setup.js", () => pageScript(script), { detail: { hide: true } });
