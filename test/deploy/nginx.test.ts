import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { repository } from "../docs/documents.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import { postChat } from "../support/chat.ts";
import { until } from "../support/e2e.ts";
import { freePort } from "../support/database-servers.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake-upstream.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const nginxCommand = Bun.which("nginx") ?? undefined;
if (nginxCommand === undefined) console.warn("nginx is not installed: nothing is sent through it.");

const adminToken = "the-admin-token-of-this-test";
const clientKey = "a-client-key-of-this-test";
const authorization = { authorization: `Bearer ${clientKey}` };

interface Proxy extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** The configuration as it is shipped, but for its addresses and folders. */
async function startNginx(gateways: readonly Gateway[]): Promise<Proxy> {
  const folder = temporaryFolder();
  const port = freePort();
  let at = 0;
  const shipped = readFileSync(join(repository, "scripts/deploy/compose/nginx.conf"), "utf8");
  const text = shipped
    .replaceAll(/^ *server 10\.203\.77\.\d+:8000 (.*);$/gm, (_line, options: string) => {
      const gateway = gateways[at++];
      return gateway === undefined ? "" : `server 127.0.0.1:${gateway.port} ${options};`;
    })
    .replace("listen 8080;", `listen 127.0.0.1:${port};`)
    .replaceAll("/tmp/nginx", join(folder.path, "nginx"));
  const path = join(folder.path, "nginx.conf");
  writeFileSync(path, text);
  // Its workers would otherwise be somebody who may not enter the folder.
  const directives = process.getuid?.() === 0 ? "daemon off; user root;" : "daemon off;";
  const child = Bun.spawn([nginxCommand ?? "", "-p", folder.path, "-c", path, "-g", directives], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until(() => accepts(port), "nginx listens");
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
      folder[Symbol.dispose]();
    },
  };
}

describe.skipIf(nginxCommand === undefined)("behind nginx as it is shipped", () => {
  let upstream: FakeUpstream;
  let gateways: Gateway[];
  let proxy: Proxy;

  beforeAll(async () => {
    upstream = await createFakeUpstream();
    const env = {
      OR_BASE_URL: upstream.url,
      AUTH_TOKEN: adminToken,
      ORCH_INBOUND_API_KEYS: clientKey,
      OR_TRUSTED_PROXIES: "127.0.0.1",
    };
    gateways = await Promise.all([startGateway({ env }), startGateway({ env })]);
    proxy = await startNginx(gateways);
  }, 20_000);
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await upstream.close();
  }, 20_000);

  test("an event arrives before the next one is sent", async () => {
    const { promise: hasArrived, resolve: arrived } = Promise.withResolvers<void>();
    upstream.set("slow", async (exchange) => {
      exchange.start({ headers: { "content-type": "text/event-stream" } });
      exchange.write(event(deltaChunk("slow", { content: "first" })));
      await hasArrived;
      exchange.write(event(deltaChunk("slow", { content: "last" }, "stop")));
      exchange.write("data: [DONE]\n\n");
      exchange.end();
    });
    const response = await postChat(proxy, { model: "slow", stream: true }, { headers: authorization });
    let text = "";
    for await (const bytes of response.body ?? []) {
      text += new TextDecoder().decode(bytes);
      if (text.includes("first")) arrived();
    }
    expect(text).toContain("last");
    expect(text).toEndWith("data: [DONE]\n\n");
  });

  test("a client that leaves reaches the upstream", async () => {
    upstream.set("endless", (exchange) => {
      exchange.start({ headers: { "content-type": "text/event-stream" } });
      exchange.write(event(deltaChunk("endless", { content: "first" })));
    });
    const leaving = new AbortController();
    const { signal } = leaving;
    const response = await postChat(proxy, { model: "endless", stream: true }, { headers: authorization, signal });
    await response.body?.getReader().read();
    leaving.abort();
    const [request] = upstream.of("endless");
    expect(await request?.ended).toBe("aborted");
  });

  test("the gateway knows its client by the address that nginx saw, not by the one that the client claims", async () => {
    const headers = { ...authorization, "x-forwarded-for": "203.0.113.9" };
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const body = JSON.stringify({ model: "orcestator", messages: [{ role: "user", content: "Hi" }] });
    const head = Object.entries({ ...headers, host: "gateway", "content-length": body.length, connection: "close" });
    // From another of this machine's addresses than the proxy's.
    const socket = connect({ port: proxy.port, host: "127.0.0.1", localAddress: "127.0.0.77" });
    let answer = "";
    socket.on("data", (bytes: Buffer) => (answer += bytes.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
    const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${lines}\r\n${body}`);
    const id = /x-request-id: (req_\w+)/i.exec(await promise)?.[1];
    const found = await Promise.all(
      gateways.map(async ({ origin }) => {
        const admin = { authorization: `Bearer ${adminToken}` };
        const response = await fetch(`${origin}/api/requests/${id}`, { headers: admin });
        return response.ok ? ((await response.json()) as Record<string, unknown>) : undefined;
      }),
    );
    expect(found.find((view) => view !== undefined)).toMatchObject({ clientAddress: "127.0.0.77" });
  });

  test("a replica that drains gets no more requests, and ends those it has", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    upstream.set("long", async (exchange) => {
      exchange.start({ headers: { "content-type": "text/event-stream" } });
      exchange.write(event(deltaChunk("long", { content: "first" })));
      await released;
      exchange.write(event(deltaChunk("long", { content: "last" }, "stop")));
      exchange.write("data: [DONE]\n\n");
      exchange.end();
    });
    const [leaving] = gateways;
    if (leaving === undefined) throw new Error("there is no gateway");
    const long = await postChat(leaving, { model: "long", stream: true }, { headers: authorization });
    leaving.signal("SIGTERM");
    await until(async () => !(await accepts(leaving.port)), "it takes nobody any more");
    const others = Array.from({ length: 20 }, () =>
      postChat(proxy, { model: "orcestator" }, { headers: authorization }),
    );
    const statuses = (await Promise.all(others)).map(({ status }) => status);
    release();
    expect(await long.text()).toEndWith("data: [DONE]\n\n");
    expect(await leaving.exited).toBe(0);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  test("the numbers of one replica are not shown as those of all", async () => {
    const response = await fetch(`http://127.0.0.1:${proxy.port}/metrics`, { headers: authorization });
    expect(response.status).toBe(404);
  });
});
