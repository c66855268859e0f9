import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { createSecretBox } from "../../../src/keys/secret-box.ts";
import { createMemoryAudit, createMemoryDocuments } from "../../support/memory-documents.ts";
import {
  type Answer,
  type KeyHouse,
  noRequests,
  openKeyStore,
  startKeyHouse,
  startWithoutStore,
} from "../../support/key-house.ts";

/** Two gateways on one database; nothing is heard of the other until `look` is called. */
const database = openKeyStore();
const { store } = database;
let now = Date.UTC(2026, 10, 21, 12);
const secrets = createSecretBox(randomBytes(32));
const settings = { username: "Root", password: "the-password-of-root" };
const first = await startKeyHouse({ store, now: () => now, settings, secrets });
const second = await startKeyHouse({ store, now: () => now, settings, secrets });
afterAll(() => [first, second, database].forEach((one) => one[Symbol.dispose]()));
// Failures of one test are not the next one's.
afterEach(() => void (now += 16 * 60_000));

interface Tokens {
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
  refreshExpiresIn: number;
  tokenType: string;
  role: string;
}

async function login(house: KeyHouse, username = "root", password = settings.password): Promise<Tokens> {
  const { status, body } = await house.ask("POST", "/api/auth/login", { username, password }, null);
  expect(status).toBe(200);
  return body as unknown as Tokens;
}

const me = (house: KeyHouse, { accessToken }: Pick<Tokens, "accessToken">): Promise<Answer> =>
  house.ask("GET", "/api/auth/me", undefined, accessToken);
const refresh = (house: KeyHouse, refreshToken: string): Promise<Answer> =>
  house.ask("POST", "/api/auth/refresh", { refreshToken }, null);

let made = 0;

async function someUser(
  role: "admin" | "operator" | "viewer",
): Promise<{ id: string; name: string; password: string }> {
  made += 1;
  const user = { name: `${role}-${made}`, password: `password-of-${made}` };
  const { body } = await first.ask("POST", "/api/users", { ...user, role });
  await second.look();
  return { ...user, id: String(body["id"]) };
}

describe("logging in", () => {
  test("gives a token that is good for a while, also at a gateway that has not heard of it yet", async () => {
    const tokens = await login(first);
    expect(tokens).toMatchObject({ tokenType: "Bearer", expiresIn: 600, refreshExpiresIn: 7 * 86_400, role: "admin" });
    for (const house of [first, second])
      expect((await me(house, tokens)).body).toMatchObject({ name: "Root", role: "admin", userId: "config" });
    now += 600_000;
    expect((await me(first, tokens)).status).toBe(401);
  });

  test("tells nobody whether the name or the password was wrong", async () => {
    const { name } = await someUser("viewer");
    const disabled = await someUser("viewer");
    await first.ask("PATCH", `/api/users/${disabled.id}`, { enabled: false });
    const tries = [
      { username: "root", password: "wrong" },
      { username: name, password: "wrong" },
      { username: "nobody-at-all", password: "wrong" },
      { username: disabled.name, password: disabled.password },
    ];
    const answers = [];
    for (const body of tries) answers.push(await first.ask("POST", "/api/auth/login", body, null));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  test("is slowed down after failures, with the right password too, and says for how long", async () => {
    const { name, password } = await someUser("viewer");
    const attempt = (given: string): Promise<Answer> =>
      first.ask("POST", "/api/auth/login", { username: name.toUpperCase(), password: given }, null);
    for (let count = 0; count < 6; count += 1) expect((await attempt("wrong")).status).toBe(401);
    const refused = await attempt(password);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    now += 1000;
    expect((await attempt(password)).status).toBe(200);
  });

  test("is slowed down for whoever fails, and not for the account's owner elsewhere, behind a trusted proxy too", async () => {
    using house = await startKeyHouse({ store, now: () => now, settings, secrets, trustedProxies: ["127.0.0.1"] });
    const from = async (address: string, password: string): Promise<number> => {
      const response = await fetch(`${house.url}/api/auth/login`, {
        method: "POST",
        headers: { "x-forwarded-for": address },
        body: JSON.stringify({ username: "root", password }),
      });
      return response.status;
    };
    for (let count = 0; count < 6; count += 1) expect(await from("203.0.113.9", "wrong")).toBe(401);
    expect(await from("203.0.113.9", settings.password)).toBe(429);
    expect(await from("198.51.100.7", settings.password)).toBe(200);
  });

  test("wants exactly a user name and a password", async () => {
    for (const body of [
      {},
      { username: "root" },
      { ...settings, role: "admin" },
      [],
      "text",
      { username: 1, password: 2 },
    ])
      expect((await first.ask("POST", "/api/auth/login", body, null)).status).toBe(400);
  });
});

describe("renewing", () => {
  test("gives other tokens, at any gateway, and lasts as long as it is used", async () => {
    let tokens = await login(first);
    for (let day = 0; day < 20; day += 1) {
      now += 86_400_000;
      const { status, body } = await refresh(day % 2 === 0 ? second : first, tokens.refreshToken);
      expect(status).toBe(200);
      expect(body["refreshToken"]).not.toBe(tokens.refreshToken as never);
      tokens = body as unknown as Tokens;
      expect((await me(first, tokens)).status).toBe(200);
    }
    now += 7 * 86_400_000;
    expect((await refresh(first, tokens.refreshToken)).status).toBe(401);
  });

  test("with a token that was used before ends the session, whoever of the two stole it", async () => {
    const { refreshToken } = await login(first);
    const next = (await refresh(first, refreshToken)).body as unknown as Tokens;
    expect((await refresh(second, refreshToken)).status).toBe(401);
    expect((await refresh(first, next.refreshToken)).status).toBe(401);
    await first.look();
    expect((await me(first, next)).status).toBe(401);
    const { body } = await first.ask("GET", "/api/audit?limit=5");
    expect(JSON.stringify(body)).toContain("auth.refresh-reused");
  });

  test("at the same moment with one token succeeds once", async () => {
    const { refreshToken } = await login(first);
    const answers = await Promise.all([first, second, first, second].map((house) => refresh(house, refreshToken)));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    const winner = answers.find(({ status }) => status === 200);
    if (winner !== undefined) expect((await refresh(first, String(winner.body["refreshToken"]))).status).toBe(401);
  });

  test("with what was never made here ends nobody's session", async () => {
    const tokens = await login(first);
    const [, session = ""] = tokens.refreshToken.split(".");
    const forged = [
      `orr.${session}.${"A".repeat(43)}.${"A".repeat(22)}`,
      `${tokens.refreshToken}x`,
      "orr",
      tokens.accessToken,
    ];
    for (const token of forged) expect((await refresh(first, token)).status).toBe(401);
    expect((await refresh(first, tokens.refreshToken)).status).toBe(200);
  });

  test("an access token is no refresh token, and the other way round", async () => {
    const tokens = await login(first);
    expect((await refresh(first, tokens.accessToken)).status).toBe(401);
    expect((await me(first, { accessToken: tokens.refreshToken })).status).toBe(401);
  });
});

describe("a session", () => {
  test("that was logged out is dead at once here, and elsewhere with the next look", async () => {
    const tokens = await login(first);
    await second.look();
    expect((await me(second, tokens)).status).toBe(200);
    expect((await first.ask("POST", "/api/auth/logout", {}, tokens.accessToken)).status).toBe(204);
    expect((await me(first, tokens)).status).toBe(401);
    await second.look();
    expect((await me(second, tokens)).status).toBe(401);
    expect((await refresh(second, tokens.refreshToken)).status).toBe(401);
  });

  test("that a gateway hears of only when it has ended is never good there", async () => {
    const tokens = await login(first);
    await first.ask("POST", "/api/auth/logout", {}, tokens.accessToken);
    await second.look();
    expect((await me(second, tokens)).status).toBe(401);
  });

  test("that a gateway has not heard of is good there for 5 seconds and no longer", async () => {
    const tokens = await login(first);
    now += 5000;
    expect((await me(second, tokens)).status).toBe(200);
    now += 1;
    expect((await me(second, tokens)).status).toBe(401);
    await second.look();
    expect((await me(second, tokens)).status).toBe(200);
  });

  test("is seen and ended by its own user and by an admin, and is not there for others", async () => {
    const [ann, bob] = [await someUser("operator"), await someUser("operator")];
    const [ofAnn, ofBob] = [await login(first, ann.name, ann.password), await login(first, bob.name, bob.password)];
    const list = async (token?: string): Promise<{ id: string; name: string; isCurrent: boolean }[]> =>
      (await first.ask("GET", "/api/auth/sessions", undefined, token)).body["data"] as never;
    const [bobs] = await list(ofBob.accessToken);
    expect(await list(ofBob.accessToken)).toMatchObject([{ name: bob.name, isCurrent: true }]);
    expect((await first.ask("DELETE", `/api/auth/sessions/${bobs?.id}`, undefined, ofAnn.accessToken)).status).toBe(
      404,
    );
    expect((await me(first, ofBob)).status).toBe(200);
    expect((await list()).map(({ name }) => name)).toEqual(expect.arrayContaining([ann.name, bob.name]));
    expect((await first.ask("DELETE", `/api/auth/sessions/${bobs?.id}`)).status).toBe(204);
    expect((await me(first, ofBob)).status).toBe(401);
    expect((await me(first, ofAnn)).status).toBe(200);
    expect(JSON.stringify(await list())).not.toMatch(/refreshHash|epoch/);
  });

  test("of somebody with many: the oldest makes room", async () => {
    const { name, password } = await someUser("viewer");
    const oldest = await login(first, name, password);
    for (let count = 0; count < 50; count += 1) {
      now += 1;
      await login(first, name, password);
    }
    expect((await me(first, oldest)).status).toBe(401);
  }, 20_000);

  test("ends with its user's password, role and presence as they are known", async () => {
    const changes: [object, number][] = [
      [{ password: "another-password" }, 401],
      [{ enabled: false }, 401],
      [{ role: "viewer" }, 200],
    ];
    for (const [change, status] of changes) {
      const user = await someUser("operator");
      const tokens = await login(second, user.name, user.password);
      await first.look();
      expect((await first.ask("PATCH", `/api/users/${user.id}`, change)).status).toBe(200);
      await second.look();
      for (const house of [first, second]) expect((await me(house, tokens)).status).toBe(status);
      if (status === 200) expect((await me(second, tokens)).body["role"]).toBe("viewer" as never);
      expect((await refresh(second, tokens.refreshToken)).status).toBe(status);
    }
    const gone = await someUser("operator");
    const tokens = await login(second, gone.name, gone.password);
    expect((await first.ask("DELETE", `/api/users/${gone.id}`)).status).toBe(204);
    await second.look();
    expect((await me(second, tokens)).status).toBe(401);
  });
});

describe("somebody's own password", () => {
  test("is changed with the old one; all other sessions end", async () => {
    const { name, password } = await someUser("viewer");
    const [mine, other] = [await login(first, name, password), await login(first, name, password)];
    const change = (body: object): Promise<Answer> => first.ask("POST", "/api/auth/password", body, mine.accessToken);
    expect((await change({ password: "wrong", newPassword: "the-new-password" })).status).toBe(401);
    expect((await change({ password, newPassword: "short" })).status).toBe(400);
    expect((await change({ password, newPassword: "the-new-password", role: "admin" })).status).toBe(400);
    const { status, body } = await change({ password, newPassword: "the-new-password" });
    expect([status, body["role"]]).toEqual([200, "viewer" as never]);
    for (const tokens of [mine, other]) expect((await me(first, tokens)).status).toBe(401);
    expect((await me(first, body as unknown as Tokens)).status).toBe(200);
    await login(second, name, "the-new-password");
  });

  test("of the configuration, and of the admin token, is not kept here", async () => {
    const { accessToken } = await login(first);
    const change = { password: settings.password, newPassword: "the-new-password" };
    expect((await first.ask("POST", "/api/auth/password", change, accessToken)).status).toBe(409);
    expect((await first.ask("POST", "/api/auth/password", change)).status).toBe(409);
  });
});

test("the audit log has who logged in, who failed, and from where, and no secret", async () => {
  const { id, name, password } = await someUser("viewer");
  const tokens = await login(first, name, password);
  await first.ask("POST", "/api/auth/login", { username: name, password: "wrong-password-1" }, null);
  await first.ask("POST", "/api/auth/login", { username: "hunter2-typed-as-name", password: "x" }, null);
  await first.ask("POST", "/api/auth/logout", {}, tokens.accessToken);
  const { body } = await first.ask("GET", "/api/audit?limit=6");
  const entries = body["data"] as unknown as { action: string; subject: string; actor: string; detail: object }[];
  expect(entries.map(({ action, subject }) => `${action} ${subject.replace(/ses_.*/, "…")}`)).toEqual([
    "auth.logout session/…",
    "auth.login-failed user/unknown",
    `auth.login-failed user/${id}`,
    `auth.login user/${id}`,
    `user.create user/${id}`,
    expect.any(String),
  ]);
  expect(entries[0]).toMatchObject({ actor: `user:${id}`, detail: { name, address: "127.0.0.1" } });
  for (const secret of ["wrong-password-1", "hunter2-typed-as-name", password, tokens.accessToken, tokens.refreshToken])
    expect(JSON.stringify(body)).not.toContain(secret);
});

test("sessions that have expired are removed without anybody logging in again", async () => {
  const documents = createMemoryDocuments();
  const times = { now };
  const audit = createMemoryAudit();
  const store = { documents, audit, requests: noRequests };
  using house = await startKeyHouse({ store, now: () => times.now, settings, secrets });
  for (let count = 0; count < 3; count += 1) await login(house);
  times.now += 3 * 86_400_000;
  const young = await login(house);
  times.now += 5 * 86_400_000;
  expect(await house.identity.sessions.removeExpired()).toBe(3);
  expect(await house.identity.sessions.removeExpired()).toBe(0);
  expect(await documents.list("session")).toHaveLength(1);
  expect((await refresh(house, young.refreshToken)).status).toBe(200);
});

test("a database that is gone logs nobody out: only what has to be written waits for it", async () => {
  const documents = createMemoryDocuments();
  const audit = createMemoryAudit();
  using house = await startKeyHouse({ store: { documents, audit, requests: noRequests }, settings, secrets });
  const tokens = await login(house);
  documents.fault = "down";
  audit.isDown = true;
  expect((await me(house, tokens)).status).toBe(200);
  expect((await house.ask("GET", "/api/users")).status).toBe(200);
  expect((await refresh(house, tokens.refreshToken)).status).toBe(503);
  const body = { username: "root", password: settings.password };
  expect((await house.ask("POST", "/api/auth/login", body, null)).status).toBe(503);
  documents.fault = undefined;
  audit.isDown = false;
  expect((await refresh(house, tokens.refreshToken)).status).toBe(200);
  await login(house);
});

test("a renewal whose answer from the database was lost has not ended the session", async () => {
  const documents = createMemoryDocuments();
  const store = { documents, audit: createMemoryAudit(), requests: noRequests };
  using house = await startKeyHouse({ store, settings, secrets });
  const tokens = await login(house);
  documents.fault = "lost-answers";
  expect((await refresh(house, tokens.refreshToken)).status).toBe(503);
  documents.fault = undefined;
  expect((await me(house, tokens)).status).toBe(200);
});

test("with another key for secrets nobody logs in, and it is said which setting holds it", async () => {
  using other = await startKeyHouse({ store, settings, secrets: createSecretBox(randomBytes(32)) });
  const login = { username: "root", password: settings.password };
  const { status, body } = await other.ask("POST", "/api/auth/login", login, null);
  expect([status, JSON.stringify(body)]).toEqual([503, expect.stringContaining("storage.secretKey")]);
  expect(JSON.stringify(body)).toContain("<new>,<old>");
});

describe("without a database", () => {
  test("the configuration's admin logs in, renews and logs out; sessions live in memory", async () => {
    using house = startWithoutStore(settings);
    const { body } = await house.ask(
      "POST",
      "/api/auth/login",
      { username: "root", password: settings.password },
      null,
    );
    const tokens = body as unknown as Tokens;
    expect((await house.ask("GET", "/api/auth/me", undefined, tokens.accessToken)).status).toBe(200);
    const renewed = await house.ask("POST", "/api/auth/refresh", { refreshToken: tokens.refreshToken }, null);
    expect(renewed.status).toBe(200);
    const { accessToken } = renewed.body as unknown as Tokens;
    expect((await house.ask("POST", "/api/auth/logout", {}, accessToken)).status).toBe(204);
    expect((await house.ask("GET", "/api/auth/me", undefined, accessToken)).status).toBe(401);
    expect(house.told.join("\n")).toContain("auth.login user/config by Root (config) from 127.0.0.1");
  });

  test("a password of the configuration may be its hash", async () => {
    using house = startWithoutStore({ password: await Bun.password.hash("behind-the-hash") });
    const login = { username: "admin", password: "behind-the-hash" };
    expect((await house.ask("POST", "/api/auth/login", login, null)).status).toBe(200);
  });

  test("the first admin of a new gateway is made once, by the token of its link, and is told that it will not last", async () => {
    using house = startWithoutStore();
    expect(house.identity.isNew()).toBe(true);
    const token = (await house.identity.offerSetup()) ?? "";
    const setup = (given: string): Promise<Answer> =>
      house.ask("POST", "/api/auth/setup", { token: given, username: "me", password: "my-password" }, null);
    expect((await setup("wrong")).status).toBe(401);
    const answers = await Promise.all([setup(token), setup(token)]);
    expect(answers.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([201, 401]);
    const { body } = answers.find(({ status }) => status === 201) ?? {};
    expect(body).toMatchObject({ role: "admin", note: expect.stringContaining("OR_DB_PATH") });
    expect((await setup(token)).status).toBe(401);
    expect((await setup((await house.identity.offerSetup()) ?? "")).status).toBe(409);
    const login = { username: "me", password: "my-password" };
    expect((await house.ask("POST", "/api/auth/login", login, null)).status).toBe(200);
  });
});
