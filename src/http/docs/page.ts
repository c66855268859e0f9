import { Elysia } from "elysia";
import scriptPath from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import stylePath from "swagger-ui-dist/swagger-ui.css" with { type: "file" };

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Orcestator API</title>
<link rel="stylesheet" href="/swagger/assets/style.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript; the description itself is at <a href="/swagger/json">/swagger/json</a>.</noscript>
<script src="/swagger/assets/bundle.js"></script>
<script src="/swagger/assets/start.js"></script>
</body>
</html>
`;

const startScript = `SwaggerUIBundle({ url: "/swagger/json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false });\n`;

const headers = {
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

function text(body: string, type: string): Response {
  return new Response(body, { headers: { ...headers, "content-type": `${type}; charset=utf-8` } });
}

function file(path: string, type: string): Response {
  return new Response(Bun.file(path), {
    headers: { ...headers, "content-type": type, "cache-control": "max-age=3600" },
  });
}

/** /swagger and /docs: the API description for people, its scripts embedded in the executable so that it works offline. */
export const docsPage = new Elysia({ name: "docs-page" })
  .get("/swagger", () => text(page, "text/html"), { detail: { hide: true } })
  .get("/docs", () => text(page, "text/html"), { detail: { hide: true } })
  .get("/swagger/assets/start.js", () => text(startScript, "text/javascript"), { detail: { hide: true } })
  .get("/swagger/assets/bundle.js", () => file(scriptPath, "text/javascript; charset=utf-8"), {
    detail: { hide: true },
  })
  .get("/swagger/assets/style.css", () => file(stylePath, "text/css; charset=utf-8"), { detail: { hide: true } });
