import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { postChat } from "../support/chat.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { until } from "../support/e2e.ts";
import { runCli } from "../cli/run-cli.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const adminToken = "admin-token-e2e";
const upstream = await createFakeUpstream();
const folder = temporaryFolder();
afterAll(async () => {
  await upstream.close();
  folder[Symbol.dispose]();
});
beforeEach(() => upstream.clear());

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function api(gateway: Gateway, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${gateway.origin}${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}

function start(database: string): Promise<Gateway> {
  const env = { AUTH_TOKEN: adminToken, OR_API_KEY: undefined, OR_DB_PATH: join(folder.path, database) };
  return startGateway({ env });
}

async function listed(gateway: Gateway): Promise<string[]> {
  const { data } = (await (await fetch(`${gateway.url}/models`)).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

async function ask(gateway: Gateway, model: string): Promise<number> {
  const response = await postChat(gateway, { model });
  await response.text();
  return response.status;
}

const key = "sk-mine-0123456789abcdef";
const provider = { name: "mine", type: "openai-compatible", baseUrl: upstream.url, credentials: [key] };
const model = { name: "smart", targets: [{ provider: "mine", model: "upstream-a" }] };

describe("a gateway without any provider", () => {
  test("gets one over the API, serves it at once, and keeps what was changed over a restart", async () => {
    {
      await using first = await start("restart.db");
      expect(await listed(first)).toEqual([]);
      expect((await api(first, "POST", "/api/providers", provider)).status).toBe(201);
      expect((await api(first, "POST", "/api/models", model)).status).toBe(201);
      expect(await listed(first)).toEqual(["smart"]);
      expect(await ask(first, "smart")).toBe(200);
      expect(upstream.requests[0]?.headers).toMatchObject({ authorization: `Bearer ${key}` });

      const targets = [{ provider: "mine", model: "upstream-b" }];
      expect((await api(first, "PATCH", "/api/models/smart", { targets })).status).toBe(200);
      expect(await ask(first, "smart")).toBe(200);
      expect(upstream.of("upstream-b")).toHaveLength(1);
      await api(first, "POST", "/api/models", { ...model, name: "gone" });
      expect((await api(first, "DELETE", "/api/models/gone")).status).toBe(204);
      expect(await ask(first, "gone")).toBe(404);
    }
    await using second = await start("restart.db");
    await until(async () => (await listed(second)).includes("smart"), "the model after the restart");
    expect(await listed(second)).toEqual(["smart"]);
    upstream.clear();
    expect(await ask(second, "smart")).toBe(200);
    expect(upstream.of("upstream-b")).toHaveLength(1);
    const isLogged = async (): Promise<boolean> => {
      const { body } = await api(second, "GET", "/api/logs?limit=1&model=smart&since=1m");
      const [row] = body["data"] as { provider: string; status: number }[];
      return row?.provider === "mine" && row.status === 200;
    };
    await until(isLogged, "the request in the database");
    expect((await api(second, "GET", "/admin/status")).body).toMatchObject({ status: "ready" });
  }, 30_000);

  test("shares it with another gateway on the same database within five seconds", async () => {
    await using first = await start("shared.db");
    await using second = await start("shared.db");
    await api(first, "POST", "/api/providers", provider);
    await api(first, "POST", "/api/models", model);
    await until(async () => (await listed(second)).includes("smart"), "the model at the other gateway");
    expect(await ask(second, "smart")).toBe(200);
    await api(second, "DELETE", "/api/models/smart");
    await until(async () => (await ask(first, "smart")) === 404, "the model's end at the first gateway");
  }, 30_000);

  test("writes its key nowhere but sealed", async () => {
    await using gateway = await start("sealed.db");
    await api(gateway, "POST", "/api/providers", provider);
    const texts = await Promise.all(
      ["sealed.db", "sealed.db-wal"].map((name) => Bun.file(join(folder.path, name)).bytes()),
    );
    for (const text of [
      ...texts.map((bytes) => Buffer.from(bytes).toString("latin1")),
      gateway.stdout(),
      gateway.stderr(),
    ])
      expect(text).not.toContain(key);
  }, 20_000);

  test("gives its configuration to another one by the command line", async () => {
    await using first = await start("export.db");
    await api(first, "POST", "/api/providers", provider);
    await api(first, "POST", "/api/models", model);
    const cli = (gateway: Gateway, ...args: string[]) =>
      runCli(["config", ...args, "--url", gateway.origin], { cwd: folder.path, env: { AUTH_TOKEN: adminToken } });

    expect(await cli(first, "export", "--out", "all.json", "--secrets")).toMatchObject({ exitCode: 0 });
    const shown = await cli(first, "show", "--live");
    expect(shown.stdout).toMatch(/providers\.mine\.credentials +sk-…cdef +overlay/);
    await using second = await start("import.db");
    const dry = await cli(second, "import", "all.json", "--dry-run");
    expect([dry.exitCode, dry.stdout]).toEqual([0, expect.stringContaining("providers.mine.type")]);
    expect(await listed(second)).toEqual([]);
    expect(await cli(second, "import", "all.json")).toMatchObject({ exitCode: 0 });
    expect(await ask(second, "smart")).toBe(200);
    expect((await cli(second, "import", "all.json")).stdout).toContain("Nothing has changed.");

    const made = await runCli(["config", "import", "all.json", "--out", "made.yaml"], { cwd: folder.path });
    expect(made).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("made.yaml") });
    const configText = await Bun.file(join(folder.path, "made.yaml")).text();
    await using third = await startGateway({ configText, env: { OR_API_KEY: undefined } });
    expect(await ask(third, "smart")).toBe(200);
  }, 60_000);
});

test("all of it is described in the API documents", async () => {
  await using gateway = await start("docs.db");
  const { paths } = (await (await fetch(`${gateway.origin}/swagger/json`)).json()) as { paths: Record<string, object> };
  for (const [path, methods] of [
    ["/api/providers", ["get", "post"]],
    ["/api/providers/{id}", ["get", "patch", "delete"]],
    ["/api/providers/batch", ["post"]],
    ["/api/providers/{id}/test", ["post"]],
    ["/api/models", ["get", "post"]],
    ["/api/models/{id}", ["get", "patch", "delete"]],
    ["/api/config/export", ["get"]],
    ["/api/config/import", ["post"]],
    ["/api/logs", ["get"]],
    ["/api/stats", ["get"]],
    ["/admin/status", ["get"]],
    ["/admin/groups", ["get", "post"]],
    ["/admin/groups/{id}", ["put", "delete"]],
    ["/admin/proxy-keys", ["get", "post"]],
    ["/admin/proxy-keys/{id}", ["put", "delete"]],
  ] as const)
    expect([path, Object.keys(paths[path] ?? {})]).toEqual([path, expect.arrayContaining([...methods])]);
  const made = JSON.stringify(paths["/api/providers"]);
  for (const field of ["credentials", "timeouts", "anthropic", "base_url"]) expect(made).toContain(`"${field}"`);
}, 20_000);
