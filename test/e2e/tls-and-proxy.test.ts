import { describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificate, privateKey } from "../support/certificate.ts";
import { errorOf, eventsOf, postChat } from "../support/chat.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { startGateway } from "../support/gateway.ts";
import { metric, parseMetrics } from "../support/metrics.ts";

const providerOf = (url: string, more = "") => `
providers:
  main: {type: openai-compatible, baseUrl: "${url}", credentials: [sk], acceptsAnyModel: true${more}}
`;

async function writeCertificate() {
  const folder = await mkdtemp(join(tmpdir(), "orcestator-tls-"));
  const paths = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  await writeFile(paths.cert, certificate);
  await writeFile(paths.key, privateKey);
  return { ...paths, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

test("server.tls: the API is served over HTTPS", async () => {
  await using files = await writeCertificate();
  const upstream = await createFakeUpstream();
  await using gateway = await startGateway({
    configText: `server: {tls: {cert: "${files.cert}", key: "${files.key}"}}${providerOf(upstream.url)}`,
  });
  expect(gateway.url).toStartWith("https://");
  const response = await fetch(`${gateway.url}/chat/completions`, {
    method: "POST",
    body: `{"model":"vendor/a","stream":true,"messages":[]}`,
    headers: { "content-type": "application/json" },
    tls: { ca: certificate },
  });
  expect(eventsOf(await response.text()).at(-1)).toBe("[DONE]");
  await upstream.close();
});

describe("an upstream with a certificate of its own", () => {
  test("is trusted when the provider names its authority", async () => {
    await using files = await writeCertificate();
    const upstream = await createFakeUpstream({ tls: true });
    await using gateway = await startGateway({ configText: providerOf(upstream.url, `, ca: "${files.cert}"`) });
    for (const stream of [false, true]) {
      const response = await postChat(gateway, { model: "vendor/a", stream });
      await response.text();
      expect(response.status).toBe(200);
    }
    expect(upstream.violations).toEqual([]);
    await upstream.close();
  });

  test("is refused otherwise, after one try and with the reason", async () => {
    const upstream = await createFakeUpstream({ tls: true });
    await using gateway = await startGateway({ configText: providerOf(upstream.url) });
    const response = await postChat(gateway, { model: "vendor/a" });
    expect(response.status).toBe(503);
    expect((await errorOf(response)).message).toMatch(/certificate|TLS|SELF_SIGNED/i);
    const samples = parseMetrics(await (await fetch(`${gateway.origin}/metrics`)).text());
    expect(metric(samples, "orcestator_upstream_attempts_total")).toBe(1);
    expect(upstream.requests).toHaveLength(0);
    await upstream.close();
  });
});

/** A forward proxy for plain HTTP: reads the absolute target, connects there and pipes. */
async function startProxy() {
  const targets: string[] = [];
  const server = createServer((client) => {
    client.once("data", (bytes: Buffer) => {
      const [, target = ""] = bytes.toString("latin1").split(" ");
      targets.push(target);
      const { hostname, port, pathname } = new URL(target);
      const upstream = connect(Number(port), hostname);
      upstream.write(Buffer.from(bytes.toString("latin1").replace(target, pathname), "latin1"));
      upstream.pipe(client);
      client.pipe(upstream);
      for (const socket of [client, upstream]) socket.on("error", () => socket.destroy());
    });
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, targets, [Symbol.dispose]: () => void server.close() };
}

describe("an outbound proxy", () => {
  test("is used by the provider that names it, and only by that one", async () => {
    using proxy = await startProxy();
    const upstream = await createFakeUpstream();
    await using gateway = await startGateway({ configText: providerOf(upstream.url, `, proxy: "${proxy.url}"`) });
    expect((await postChat(gateway, { model: "vendor/a" })).status).toBe(200);
    expect(proxy.targets).toEqual([`${upstream.url}/chat/completions`]);
    await upstream.close();
  });

  test("of the environment is used, unless the provider says false", async () => {
    using proxy = await startProxy();
    const upstream = await createFakeUpstream();
    const env = { HTTP_PROXY: proxy.url, http_proxy: proxy.url };
    await using through = await startGateway({ env, configText: providerOf(upstream.url) });
    expect((await postChat(through, { model: "vendor/a" })).status).toBe(200);
    expect(proxy.targets.length).toBeGreaterThan(0);
    proxy.targets.length = 0;
    await using past = await startGateway({ env, configText: providerOf(upstream.url, ", proxy: false") });
    expect((await postChat(past, { model: "vendor/a" })).status).toBe(200);
    expect(proxy.targets).toEqual([]);
    await upstream.close();
  });
});
