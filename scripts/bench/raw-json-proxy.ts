// The yardstick for requests: the shortest Bun proxy that parses, edits and re-serialises JSON. It checks, counts and
// records nothing.
import { argv, serve } from "bun";

const upstream = argv[2] ?? "";
const server = serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const body = (await request.json()) as { model: string };
    const asked = body.model;
    const headers = { authorization: "Bearer sk-bench", "content-type": "application/json" };
    const response = await fetch(upstream, {
      method: "POST",
      headers,
      body: JSON.stringify({ ...body, model: asked }),
    });
    const answer = (await response.json()) as { model: string };
    answer.model = "orcestator";
    return Response.json(answer);
  },
});
console.log(server.port);
