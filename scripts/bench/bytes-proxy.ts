// The yardstick for streams: bytes in, bytes out, natively, without a look at them.
import { argv, serve } from "bun";

const upstream = argv[2] ?? "";
const server = serve({
  port: 0,
  hostname: "127.0.0.1",
  idleTimeout: 255,
  async fetch(request) {
    const headers = { authorization: "Bearer sk-bench", "content-type": "application/json" };
    const { signal } = request;
    const response = await fetch(upstream, { method: "POST", headers, body: await request.bytes(), signal });
    const contentType = response.headers.get("content-type") ?? "";
    return new Response(response.body, { status: response.status, headers: { "content-type": contentType } });
  },
});
console.log(server.port);
