import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../cli/run-cli.ts";
import { postChat } from "../support/chat.ts";
import { startRig, until } from "../support/e2e.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { ordinaryReply } from "../support/replies.ts";

const adminPassword = "canary-admin-password-1";
const adminToken = "canary-admin-token-2";
const credential = "sk-canary-credential-3";
const rig = await startRig({
  env: { AUTH_TOKEN: adminToken, ADMIN_USERNAME: "root", ADMIN_PASSWORD: adminPassword, OR_DB_PATH: "admin.db" },
  configText: (url) => `
providers:
  a: { type: openai-compatible, baseUrl: "${url}", credentials: ["${credential}"], models: [m] }
`,
});
const { gateway, upstream } = rig;
afterAll(() => rig[Symbol.asyncDispose]());

interface Answer {
  status: number;
  body: Record<string, unknown> & { accessToken?: string };
  text: string;
}

async function api(
  origin: string,
  method: string,
  path: string,
  sent: { body?: unknown; token?: string | undefined } = {},
): Promise<Answer> {
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: sent.token === undefined ? {} : { authorization: `Bearer ${sent.token}` },
    ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : {}, text };
}

const ask = (
  method: string,
  path: string,
  sent: { body?: unknown; token?: string | undefined } = {},
): Promise<Answer> => api(gateway.origin, method, path, sent);
const login = (username = "root", password = adminPassword): Promise<Answer> =>
  ask("POST", "/api/auth/login", { body: { username, password } });

describe("a gateway with ADMIN_PASSWORD", () => {
  test("lets its admin log in, use the API, renew and log out", async () => {
    const { status, body } = await login();
    expect([status, body["role"]]).toEqual([200, "admin"]);
    const made = await ask("POST", "/api/keys", { body: { name: "by login" }, token: body["accessToken"] });
    expect(made.status).toBe(201);
    const renewed = await ask("POST", "/api/auth/refresh", { body: { refreshToken: body["refreshToken"] } });
    expect(renewed.status).toBe(200);
    const token = renewed.body["accessToken"];
    expect((await ask("GET", "/api/auth/me", { token })).body).toMatchObject({ name: "root", role: "admin" });
    expect((await ask("POST", "/api/auth/logout", { token })).status).toBe(204);
    for (const old of [token, body["accessToken"]])
      expect((await ask("GET", "/api/keys", { token: old })).status).toBe(401);
    const audit = await ask("GET", "/api/audit?limit=3", { token: adminToken });
    expect(audit.body["data"]).toMatchObject([
      { action: "auth.logout", actor: "config", detail: { name: "root" } },
      { action: "key.create", actor: "config", detail: { name: "root" } },
      { action: "auth.login", actor: "config", detail: { name: "root" } },
    ]);
  });

  test("a session that is ended at one gateway is dead at another within 5 seconds", async () => {
    await using other = await startGateway({
      env: {
        AUTH_TOKEN: adminToken,
        ADMIN_USERNAME: "root",
        ADMIN_PASSWORD: adminPassword,
        OR_DB_PATH: join(gateway.cwd, "admin.db"),
      },
    });
    const { body } = await login();
    const token = body["accessToken"];
    const atOther = async (): Promise<number> => (await api(other.origin, "GET", "/api/keys", { token })).status;
    expect(await atOther()).toBe(200);
    const { sessionId } = (await ask("GET", "/api/auth/me", { token })).body;
    const endedAt = performance.now();
    expect((await ask("DELETE", `/api/auth/sessions/${String(sessionId)}`, { token: adminToken })).status).toBe(204);
    await until(async () => (await atOther()) === 401, "the session to be dead at the other gateway");
    expect(performance.now() - endedAt).toBeLessThan(5000);
  }, 20_000);

  test("logins outlive a change of the key that seals secrets, while it serves", async () => {
    const { body } = await login();
    const token = body["accessToken"];
    const before = readFileSync(join(gateway.cwd, "admin.db.key"), "utf8");
    const { exitCode, stdout } = await runCli(["rekey", "--new-key-file", "new.key", "--db", "admin.db"], {
      cwd: gateway.cwd,
    });
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("1 secret in 1 document sealed with the new key")]);
    const after = readFileSync(join(gateway.cwd, "admin.db.key"), "utf8");
    expect(after).not.toBe(before);
    expect(after).toBe(readFileSync(join(gateway.cwd, "new.key"), "utf8"));
    expect((await ask("GET", "/api/auth/me", { token })).status).toBe(200);
    const again = await runCli(["rekey", "--new-key-file", "new.key", "--db", "admin.db"], { cwd: gateway.cwd });
    expect([again.exitCode, again.stdout]).toEqual([0, expect.stringContaining("0 secrets")]);
    await using other = await startGateway({
      env: { OR_DB_PATH: join(gateway.cwd, "admin.db"), ADMIN_USERNAME: "root", ADMIN_PASSWORD: adminPassword },
    });
    await until(
      async () => (await api(other.origin, "GET", "/api/auth/me", { token })).status === 200,
      "the login to be known",
    );
    expect(other.stderr()).not.toContain("cannot be opened");
  }, 20_000);

  test("describes its routes in the API documents", async () => {
    const { paths } = (await ask("GET", "/swagger/json")).body as { paths: Record<string, Record<string, object>> };
    for (const [path, method, field] of [
      ["/api/auth/login", "post", "refreshExpiresIn"],
      ["/api/auth/refresh", "post", "refreshToken"],
      ["/api/auth/setup", "post", "username"],
      ["/api/auth/password", "post", "newPassword"],
      ["/api/auth/me", "get", "role"],
      ["/api/auth/sessions", "get", "isCurrent"],
      ["/api/users", "post", "password"],
      ["/api/users/{id}", "patch", "enabled"],
      ["/api/audit", "get", "before"],
    ] as const)
      expect([path, JSON.stringify(paths[path]?.[method])]).toEqual([path, expect.stringContaining(`"${field}"`)]);
  });
});

/** All bytes that a gateway has written anywhere, but for the key, whose file that is. */
function everythingWritten(gateway: Gateway): Map<string, string> {
  const { cwd } = gateway;
  const files = readdirSync(cwd, { recursive: true, encoding: "utf8" }).filter(
    (path) => statSync(join(cwd, path)).isFile() && !path.endsWith(".key") && path !== "orcestator.yaml",
  );
  const written = new Map(files.map((path) => [path, readFileSync(join(cwd, path), "latin1")]));
  return written.set("stdout", gateway.stdout()).set("stderr", gateway.stderr());
}

test("no secret is written or told anywhere", async () => {
  const userPassword = "canary-user-password-4";
  const wrongPassword = "canary-wrong-password-5";
  const { body: tokens } = await login();
  const token = tokens["accessToken"];
  const told: string[] = [];
  const tell = async (answer: Promise<Answer>): Promise<Answer> => {
    told.push((await answer).text);
    return answer;
  };
  await tell(ask("POST", "/api/users", { body: { name: "canary", password: userPassword, role: "viewer" }, token }));
  const own = (await login("canary", userPassword)).body;
  const issued = (await ask("POST", "/api/keys", { body: { name: "canary" }, token })).body;
  upstream.otherwise(ordinaryReply());
  await postChat(gateway, { model: "m" }, { headers: { authorization: `Bearer ${String(issued["key"])}` } });
  await tell(login("canary", wrongPassword));
  await tell(login(wrongPassword, adminPassword));
  await tell(ask("POST", "/api/auth/refresh", { body: { refreshToken: `${String(own["refreshToken"])}x` } }));
  await tell(ask("POST", "/api/auth/refresh", { body: { refreshToken: own["accessToken"], password: userPassword } }));
  await tell(
    ask("POST", "/api/users", {
      body: { name: "c", password: userPassword, role: adminPassword, hash: userPassword },
      token,
    }),
  );
  await tell(ask("GET", "/api/users", { token }));
  await tell(ask("GET", "/api/audit?limit=500", { token }));
  await tell(ask("GET", "/api/auth/sessions", { token }));
  await tell(ask("GET", "/api/requests", { token }));
  await tell(ask("GET", `/api/nothing/${String(token)}?key=${String(token)}`));
  await tell(ask("GET", "/metrics", { token: adminToken }));
  await tell(ask("GET", "/api/keys", { token: `${String(token)}x` }));
  for (const path of ["/k/", "/api/auth/me?key="]) await ask("GET", `${path}${String(own["accessToken"])}`);
  await gateway.trafficLines(1);
  const sealingKey = readFileSync(join(gateway.cwd, "admin.db.key"), "utf8").trim();
  const secrets = {
    adminPassword,
    adminToken,
    credential,
    userPassword,
    wrongPassword,
    sealingKey,
    accessToken: String(token),
    refreshToken: String(tokens["refreshToken"]),
    ownAccessToken: String(own["accessToken"]),
    ownRefreshToken: String(own["refreshToken"]),
    virtualKey: String(issued["key"]),
    // In its database it would be as bytes.
    sealingBytes: Buffer.from(sealingKey, "hex").toString("latin1"),
  };
  const places = everythingWritten(gateway).set("answers", told.join("\n"));
  expect(places.size).toBeGreaterThan(4);
  const found = [...places].flatMap(([place, text]) =>
    Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret) ? [`${name} in ${place}`] : [])),
  );
  expect(found).toEqual([]);
  // They would be found if they were there.
  expect([...places.values()].some((text) => text.includes("canary"))).toBe(true);
});

describe("a new gateway", () => {
  test("prints a link that makes the first admin once, and writes it nowhere else", async () => {
    await using fresh = await startGateway({ env: { OR_DB_PATH: "fresh.db" } });
    const [link] = await fresh.waitForOutput(/http:\/\/127\.0\.0\.1:\d+\/dashboard\/setup#token=[\w-]{43}/);
    const page = await fetch(link);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const token = new URL(link).hash.slice("#token=".length);
    const setup = (): Promise<Answer> =>
      api(fresh.origin, "POST", "/api/auth/setup", { body: { token, username: "first", password: "first-password" } });
    const through = await fetch(`${fresh.origin}/api/auth/setup`, {
      method: "POST",
      headers: { "x-forwarded-for": "203.0.113.5" },
      body: JSON.stringify({ token, username: "evil", password: "evil-password" }),
    });
    expect(through.status).toBe(403);
    const made = await setup();
    expect([made.status, made.body["role"], made.body["note"]]).toEqual([201, "admin", undefined]);
    expect((await setup()).status).toBe(401);
    const users = await api(fresh.origin, "GET", "/api/users", { token: made.body["accessToken"] });
    expect(users.body["data"]).toMatchObject([{ name: "first", role: "admin" }]);
    const written = everythingWritten(fresh);
    written.delete("stdout");
    expect([...written].filter(([, text]) => text.includes(token)).map(([place]) => place)).toEqual([]);
    await using again = await startGateway({ env: { OR_DB_PATH: join(fresh.cwd, "fresh.db") } });
    const login = await api(again.origin, "POST", "/api/auth/login", {
      body: { username: "first", password: "first-password" },
    });
    expect(login.status).toBe(200);
    expect(again.stdout()).not.toContain("setup#token");
  }, 20_000);

  test("with a token or a password of its own prints none", async () => {
    for (const env of [{ AUTH_TOKEN: "a-token-of-mine" }, { ADMIN_PASSWORD: "a-password-of-mine" }]) {
      await using fresh = await startGateway({ env });
      expect((await api(fresh.origin, "GET", "/health")).status).toBe(200);
      expect(fresh.stdout()).not.toContain("setup#token");
    }
  });

  test("does not start with a secret that is too short to sign with", async () => {
    const env = { ORCESTATOR_JWT_SECRET: "short-jwt-secret", OR_API_KEY: "sk-or-test" };
    const { exitCode, stdout, stderr } = await runCli(["serve", "--port", "0"], { cwd: gateway.cwd, env });
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("admin.jwtSecret: must have at least 32 bytes")]);
    expect(stdout + stderr).not.toContain("short-jwt-secret");
  });
});
