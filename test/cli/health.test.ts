import { expect, test } from "bun:test";
import { serverUrl } from "../../src/cli/gateway-url.ts";
import { configFolder } from "../config/folder.ts";
import { runCli } from "./run-cli.ts";

function serveHealth(status: number, body: object): Bun.Server<undefined> {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) =>
      new URL(request.url).pathname === "/health/ready"
        ? Response.json(body, { status })
        : new Response(null, { status: 404 }),
  });
}

test("a ready gateway gives exit code 0, without an API key and past a proxy", async () => {
  using server = serveHealth(200, { status: "ready" });
  using folder = configFolder();
  const env = { OR_PORT: String(server.port), HTTP_PROXY: "http://127.0.0.1:1" };
  const { stdout, exitCode } = await runCli(["health"], { cwd: folder.path, env });
  expect(exitCode).toBe(0);
  expect(stdout).toBe(`ready (http://127.0.0.1:${server.port})\n`);
});

test("a gateway that drains gives exit code 1 and its reason", async () => {
  using server = serveHealth(503, { status: "not ready", reasons: ["The gateway is shutting down."] });
  using folder = configFolder();
  const url = `http://127.0.0.1:${server.port}`;
  const { stdout, exitCode } = await runCli(["health", "--url", `${url}/`, "--json"], { cwd: folder.path });
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    url,
    ready: false,
    status: 503,
    message: "not ready: The gateway is shutting down.",
    notices: [],
  });
});

test("a ready gateway with a refused configuration is ready, and the notice goes to stderr", async () => {
  using server = serveHealth(200, { status: "ready", reasons: [], notices: ["The configuration on disk is refused."] });
  using folder = configFolder();
  const url = `http://127.0.0.1:${server.port}`;
  const { stdout, stderr, exitCode } = await runCli(["health", "--url", url], { cwd: folder.path });
  expect({ stdout, exitCode }).toEqual({ stdout: `ready (${url})\n`, exitCode: 0 });
  expect(stderr).toBe("notice: The configuration on disk is refused.\n");
});

test("another server that answers is not taken for a ready gateway", async () => {
  using server = serveHealth(200, { ok: true });
  using folder = configFolder();
  const url = `http://127.0.0.1:${server.port}`;
  const { stdout, exitCode } = await runCli(["health", "--url", url], { cwd: folder.path });
  expect(exitCode).toBe(1);
  expect(stdout).toBe(`something answers there, but it is no Orcestator (${url})\n`);
});

test("nobody listening gives exit code 1 and says so", async () => {
  const server = serveHealth(200, {});
  const url = `http://127.0.0.1:${server.port}`;
  await server.stop(true);
  using folder = configFolder();
  const { stdout, stderr, exitCode } = await runCli(["health", "--url", url], { cwd: folder.path });
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
  expect(stdout).toBe(`${url} cannot be reached: nothing listens there\n`);
});

test("a broken configuration file does not make a running gateway unhealthy", async () => {
  using server = serveHealth(200, { status: "ready" });
  using folder = configFolder({ "orcestator.yaml": `server: {port: ${server.port}}\nprovidrs: {}\n` });
  expect((await runCli(["health"], { cwd: folder.path })).exitCode).toBe(0);
});

test("the default URL is one that this machine can reach", () => {
  const tls = { cert: "c.pem", key: "k.pem" };
  expect(serverUrl({ host: "0.0.0.0", port: 8000, tls: undefined })).toBe("http://127.0.0.1:8000");
  expect(serverUrl({ host: "::", port: 8000, tls: undefined })).toBe("http://[::1]:8000");
  expect(serverUrl({ host: "::1", port: 1, tls })).toBe("https://[::1]:1");
  expect(serverUrl({ host: "gateway.lan", port: 1, tls: undefined })).toBe("http://gateway.lan:1");
});
