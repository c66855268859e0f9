import { afterAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { createSecretBox } from "../../../src/keys/secret-box.ts";
import { type Answer, openKeyStore, startKeyHouse } from "../../support/key-house.ts";

const database = openKeyStore();
const settings = { username: "root", password: "the-password-of-root" };
const secrets = createSecretBox(randomBytes(32));
const house = await startKeyHouse({ store: database.store, settings, secrets });
afterAll(() => [house, database].forEach((one) => one[Symbol.dispose]()));

let made = 0;

async function make(fields: object = {}): Promise<Answer> {
  made += 1;
  return house.ask("POST", "/api/users", {
    name: `user-${made}`,
    password: "some-password",
    role: "viewer",
    ...fields,
  });
}

async function tokenOf(role: string, fields: object = {}): Promise<{ id: string; token: string; name: string }> {
  const { body } = await make({ role, ...fields });
  const login = { username: body["name"], password: "some-password" };
  const tokens = await house.ask("POST", "/api/auth/login", login, null);
  return { id: String(body["id"]), token: String(tokens.body["accessToken"]), name: String(body["name"]) };
}

describe("users", () => {
  test("are made, listed, shown, changed and deleted, and their passwords never told", async () => {
    const { status, body } = await make({ name: "  Ann  ", role: "operator" });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: "Ann", role: "operator", enabled: true });
    const path = `/api/users/${String(body["id"])}`;
    expect((await house.ask("PATCH", path, { role: "viewer" })).body).toMatchObject({ role: "viewer" });
    expect((await house.ask("GET", path)).body).toMatchObject({ name: "Ann", role: "viewer" });
    const list = await house.ask("GET", "/api/users");
    expect((list.body["data"] as unknown as object[]).length).toBeGreaterThan(0);
    const audit = await house.ask("GET", "/api/audit?limit=500");
    for (const text of [body, list.body, audit.body])
      expect(JSON.stringify(text)).not.toMatch(/argon2|epoch|some-password/);
    expect((await house.ask("DELETE", path)).status).toBe(204);
    expect((await house.ask("GET", path)).status).toBe(404);
  });

  test("have one name each, in any case, and not the configuration's", async () => {
    expect((await make({ name: "Bea" })).status).toBe(201);
    for (const name of ["Bea", "bEA", " bea ", "ｂｅａ", "ROOT"])
      expect([name, (await make({ name })).status]).toEqual([name, 409]);
  });

  test("whoever goes away leaves the name behind", async () => {
    const { body } = await make({ name: "Cleo" });
    await house.ask("DELETE", `/api/users/${String(body["id"])}`);
    expect((await make({ name: "Cleo" })).status).toBe(201);
  });

  test("are told apart by the audit log, also when one has the name of another who is gone", async () => {
    const ids: string[] = [];
    for (const rest of ["first", "second"]) {
      const { id, token } = await tokenOf("operator", { name: "Dan" });
      ids.push(id);
      await house.ask("POST", "/api/teams", { name: rest }, token);
      await house.ask("DELETE", `/api/users/${id}`);
    }
    const { body } = await house.ask("GET", `/api/audit?actor=user:${ids[1]}`);
    expect(body["data"]).toMatchObject([
      { action: "team.create", after: { name: "second" }, detail: { name: "Dan", address: "127.0.0.1" } },
      { action: "auth.login", subject: `user/${ids[1]}` },
    ]);
  });

  test("several are changed at once, each by itself", async () => {
    const { body } = await house.ask("POST", "/api/users/batch", {
      create: [
        { name: "batch", password: "some-password", role: "viewer" },
        { name: "Batch", password: "some-password", role: "viewer" },
      ],
      delete: ["user_nobody"],
    });
    expect((body["results"] as unknown as { status: number }[]).map(({ status }) => status)).toEqual([201, 409, 404]);
  });
});

describe("nobody gives themselves more than they have", () => {
  test("neither a viewer nor an operator, by any way", async () => {
    for (const role of ["viewer", "operator"]) {
      const { id, token } = await tokenOf(role);
      const tries: [string, string, unknown][] = [
        ["PATCH", `/api/users/${id}`, { role: "admin" }],
        ["PATCH", `/api/users/${id}`, { password: "another-password" }],
        ["POST", "/api/users", { name: `by-${role}`, password: "some-password", role: "admin" }],
        ["POST", "/api/users/batch", { update: [{ id, role: "admin" }] }],
        ["DELETE", `/api/users/${id}`, undefined],
        ["GET", "/api/users", undefined],
        ["GET", "/api/audit", undefined],
      ];
      for (const [method, path, body] of tries)
        expect([role, path, (await house.ask(method, path, body, token)).status]).toEqual([role, path, 403]);
      expect((await house.ask("GET", "/api/auth/me", undefined, token)).body).toMatchObject({ role });
    }
  });

  test("and nobody sets what is not theirs to set", async () => {
    const { body } = await make();
    const id = String(body["id"]);
    const forbidden = {
      id: "user_0",
      hash: "$argon2id$x",
      epoch: "e",
      createdAt: 0,
      passwordAt: 0,
      userId: "config",
      isAdmin: true,
      kind: "key",
      ["constructor"]: { prototype: { role: "admin" } },
    };
    for (const [field, value] of Object.entries(forbidden)) {
      for (const answer of [
        await make({ [field]: value }),
        await house.ask("PATCH", `/api/users/${id}`, { [field]: value }),
      ])
        expect([field, answer.status, JSON.stringify(answer.body)]).toEqual([
          field,
          400,
          expect.stringContaining(`\`${field}\``),
        ]);
    }
    for (const value of ["owner", "ADMIN", "", null, ["admin"], { $ne: 1 }])
      expect((await house.ask("PATCH", `/api/users/${id}`, { role: value })).status).toBe(400);
  });

  test("__proto__ in a body changes nothing", async () => {
    const { id, token } = await tokenOf("viewer");
    const bodies = [
      `{"name":"proto","password":"some-password","role":"viewer","__proto__":{"role":"admin","enabled":false}}`,
      `{"__proto__":{"role":"admin"},"name":"proto2","password":"some-password"}`,
    ];
    for (const body of bodies) {
      const answer = await house.ask("POST", "/api/users", body);
      if (answer.status === 201) expect(answer.body).toMatchObject({ role: "viewer", enabled: true });
      else expect(answer.status).toBe(400);
    }
    await house.ask("PATCH", `/api/users/${id}`, `{"enabled":true,"__proto__":{"role":"admin"}}`);
    expect((await house.ask("GET", "/api/auth/me", undefined, token)).body).toMatchObject({ role: "viewer" });
    expect(({} as Record<string, unknown>)["role"]).toBeUndefined();
  });

  test("a name is text and nothing else", async () => {
    for (const name of [
      "{{7*7}}",
      "${7*7}",
      "<%= 7*7 %>",
      "<script>alert(1)</script>",
      "' OR 1=1 --",
      "%_%",
      "../../x",
    ]) {
      const { status, body } = await make({ name });
      expect([status, body["name"]]).toEqual([201, name as never]);
      const login = await house.ask("POST", "/api/auth/login", { username: name, password: "some-password" }, null);
      expect([name, login.status]).toEqual([name, 200]);
    }
    const invisible = ["\u200b", "\u200d", "\u00ad", "\u202e", "\ufeff", "\u2060", "\u3164", "\u{e0041}"];
    const unseen = invisible.map((character) => `root${character}x`);
    for (const name of ["", "  ", "a\nb", "a\u0000b", "a\u001b[2J", "a\u2028b", "x".repeat(101), 7, ...unseen])
      expect([name, (await make({ name })).status]).toEqual([name, 400]);
  });
});

const elsewhere = {
  issuer: "https://login.example",
  clientId: "c",
  redirectBase: "https://gateway.example",
  operators: ["ops"],
};

test.each([
  ["at all", {}],
  ["as admin", { oidc: elsewhere }],
])("the last admin stays where there is no other way in %s", async (_how, others) => {
  const alone = openKeyStore();
  const own = await startKeyHouse({ store: alone.store, secrets, settings: others });
  const token = (await own.identity.offerSetup()) ?? "";
  const setup = await own.ask("POST", "/api/auth/setup", { token, username: "only", password: "some-password" }, null);
  expect([setup.status, "note" in setup.body]).toEqual([201, false]);
  const [only] = (await own.ask("GET", "/api/users")).body["data"] as unknown as { id: string }[];
  const path = `/api/users/${only?.id}`;
  for (const change of [{ enabled: false }, { role: "viewer" }])
    expect((await own.ask("PATCH", path, change)).status).toBe(409);
  expect((await own.ask("DELETE", path)).status).toBe(409);
  const other = await own.ask("POST", "/api/users", { name: "other", password: "some-password", role: "admin" });
  expect((await own.ask("DELETE", path)).status).toBe(204);
  expect((await own.ask("DELETE", `/api/users/${String(other.body["id"])}`)).status).toBe(409);
  [own, alone].forEach((one) => one[Symbol.dispose]());
});
