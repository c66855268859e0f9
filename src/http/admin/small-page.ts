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

/** A page by itself, whose script is a file of this gateway. */
export function smallPage({ title, body, script }: { title: string; body: string; script: string }): Response {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Orcestator: ${title}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 24rem; margin: 15vh auto; padding: 0 1rem; color-scheme: light dark }
label { display: block; margin: 1rem 0 }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem }
button { font: inherit; padding: .5rem 1rem }
</style>
</head>
<body>
${body.trim()}
<script src="${script}"></script>
</body>
</html>
`;
  return text(html, "text/html");
}

export function pageScript(script: string): Response {
  return text(script, "text/javascript");
}
