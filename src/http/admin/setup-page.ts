import { Elysia } from "elysia";

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Orcestator: the first admin</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 24rem; margin: 15vh auto; padding: 0 1rem; color-scheme: light dark }
label { display: block; margin: 1rem 0 }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem }
button { font: inherit; padding: .5rem 1rem }
</style>
</head>
<body>
<h1>The first admin</h1>
<form>
<label>User name <input name="username" autocomplete="username" value="admin" required maxlength="100"></label>
<label>Password, at least 8 characters <input name="password" type="password" autocomplete="new-password" required minlength="8" maxlength="1024"></label>
<button>Make</button>
</form>
<p role="status"></p>
<noscript>This page needs JavaScript; POST /api/auth/setup does the same.</noscript>
<script src="/dashboard/setup.js"></script>
</body>
</html>
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

const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

function text(body: string, type: string): Response {
  return new Response(body, { headers: { ...headers, "content-type": `${type}; charset=utf-8` } });
}

/** /dashboard/setup: where the link of a new gateway leads; its token stands behind `#`, which no server is told. */
export const setupPage = new Elysia({ name: "setup-page" })
  .get("/dashboard/setup", () => text(page, "text/html"), { detail: { hide: true } })
  .get("/dashboard/setup.js", () => text(script, "text/javascript"), { detail: { hide: true } });
