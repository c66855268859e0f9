import { describe, expect, test } from "bun:test";
import { type Role, roles, suffices } from "../../../src/keys/role.ts";
import { messageOf, startFiledHouse } from "../../support/config-house.ts";

const file = `providers: { a: { type: openai-compatible, baseUrl: "http://127.0.0.1:9/v1", models: [m] } }`;

const { house, store } = await startFiledHouse(file);

/** The least role for each route; a route that is not here fails the test. */
const needed: Readonly<Record<string, Role>> = {
  "GET /api/providers": "viewer",
  "POST /api/providers": "admin",
  "POST /api/providers/batch": "admin",
  "GET /api/providers/:id": "viewer",
  "PATCH /api/providers/:id": "admin",
  "DELETE /api/providers/:id": "admin",
  "POST /api/providers/:id/test": "admin",
  "GET /api/providers/health": "viewer",
  "GET /api/providers/:id/health": "viewer",
  "GET /api/models": "viewer",
  "POST /api/models": "operator",
  "POST /api/models/batch": "operator",
  "GET /api/models/:id": "viewer",
  "PATCH /api/models/:id": "operator",
  "DELETE /api/models/:id": "operator",
  "GET /api/config/export": "viewer",
  "GET /api/config/export?secrets=true": "admin",
  "GET /api/config/export?include=keys": "admin",
  "POST /api/config/import": "admin",
  "GET /api/logs": "viewer",
  "GET /api/stats": "viewer",
  "GET /admin/status": "viewer",
  "GET /admin/groups": "viewer",
  "POST /admin/groups": "admin",
  "GET /admin/groups/:id": "viewer",
  "PUT /admin/groups/:id": "admin",
  "DELETE /admin/groups/:id": "admin",
  "GET /admin/proxy-keys": "viewer",
  "POST /admin/proxy-keys": "operator",
  "PUT /admin/proxy-keys/:id": "operator",
  "DELETE /admin/proxy-keys/:id": "operator",
};

test("every route has its least role", () => {
  const there = house.routes.map(({ method, path }) => `${method} ${path}`);
  expect(there.filter((route) => needed[route] === undefined)).toEqual([]);
});

describe.each(Object.entries(needed))("%s", (route, least) => {
  const [method = "", path = ""] = route.split(" ");
  test(`lets in whoever is at least ${least}, and nobody else`, async () => {
    for (const role of [...roles, null]) {
      const { status } = await house.ask(
        method,
        path.replace(":id", "nobody"),
        method === "GET" ? undefined : "{",
        role,
      );
      if (role === null) expect(status).toBe(401);
      else if (suffices(role, least)) expect([401, 403]).not.toContain(status);
      else expect([role, status]).toEqual([role, 403]);
    }
  });
});

/** Requests that change something, with a body that is good. */
const writes = [
  ["POST", "/api/providers", { name: "p", type: "dummy" }],
  ["PATCH", "/api/providers/a", { rpm: 3 }],
  ["POST", "/api/models", { name: "q", targets: [{ provider: "a", model: "m" }] }],
  ["PATCH", "/api/models/q", { rpm: 3 }],
  [
    "POST",
    "/admin/groups",
    { groupName: "g", providerType: "openai", apiKeys: ["sk-0123456789abcdef"], models: ["m"] },
  ],
  ["PUT", "/admin/groups/g", { retryCount: 1 }],
  ["POST", "/admin/proxy-keys", { name: "k" }],
] as const;

/** What a body must not bring: fields of the house, of what is stored, and of objects themselves. */
const strange = [
  '"role": "admin"',
  '"id": "key_other"',
  '"origin": "flag"',
  '"createdAt": 1',
  '"hash": "00"',
  '"keyId": "admin"',
  '"__proto__": {"role": "admin"}',
  '"constructor": {"prototype": {"role": "admin"}}',
  '"ca": "/etc/passwd"',
  '"kind": "setting"',
  '"fields": {"rpm": 1}',
];

describe.each(writes)("%s %s", (method, path, body) => {
  test.each(strange)("refuses %s, names it, and changes nothing", async (field) => {
    const before = JSON.stringify([
      await store.documents.list("provider"),
      await store.documents.list("model"),
      await store.documents.list("key"),
    ]);
    const text = `{${field}, ${JSON.stringify(body).slice(1)}`;
    const refused = await house.ask(method, path, text);
    expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining(field.split('"')[1] ?? "")]);
    const after = JSON.stringify([
      await store.documents.list("provider"),
      await store.documents.list("model"),
      await store.documents.list("key"),
    ]);
    expect(after).toBe(before);
    expect(({} as Record<string, unknown>)["role"]).toBeUndefined();
  });

  test("refuses names that reach into objects, however deep they stand", async () => {
    for (const name of ["__proto__", "constructor", "prototype"]) {
      const deep = `{"parameters": {"a": [{"${name}": {"polluted": true}}]}, ${JSON.stringify(body).slice(1)}`;
      const refused = await house.ask(method, path, deep);
      expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringMatching(/not allowed|unknown here/)]);
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("refuses what is no object, and what is nested without end", async () => {
    for (const text of ["[]", "null", "1", '"x"', "{"]) {
      expect((await house.ask(method, path, text)).status).toBe(400);
    }
    const nested = `{"parameters": {"a": ${"[".repeat(50_000)}${"]".repeat(50_000)}}, ${JSON.stringify(body).slice(1)}`;
    expect((await house.ask(method, path, nested)).status).toBe(400);
  });

  test("is done with its own body", async () => {
    expect([200, 201]).toContain((await house.ask(method, path, body)).status);
  });
});

test("a sealed secret cannot be brought in to be opened", async () => {
  const sealed = "sealed:v1:12345678:AAAA";
  for (const [method, path, body] of [
    ["PATCH", "/api/providers/a", { headers: { "x-a": sealed } }],
    ["PATCH", "/api/models/q", { parameters: { user: [sealed] } }],
    ["POST", "/api/config/import", { providers: { a: { type: "dummy", headers: { "x-a": sealed } } } }],
    ["PUT", "/admin/groups/g", { apiKeys: [sealed] }],
  ] as const) {
    const refused = await house.ask(method, path, body);
    expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining("sealed secret")]);
  }
});

test("an id is a name and nothing else: no pattern, no path, no other kind's", async () => {
  const { body } = await house.ask("POST", "/admin/proxy-keys", { name: "mine" });
  for (const id of ["%", "_", "*", "../keys", "a\u0000", "__proto__", "toString", "' OR 1=1 --", String(body["id"])]) {
    const path = encodeURIComponent(id);
    for (const section of ["/api/providers", "/api/models", "/admin/groups"]) {
      if (section !== "/admin/groups") expect((await house.ask("GET", `${section}/${path}`)).status).toBe(404);
      expect((await house.ask("DELETE", `${section}/${path}`)).status).toBe(404);
    }
  }
  for (const id of ["a", "q", "g", "_".repeat(28)])
    expect((await house.ask("DELETE", `/admin/proxy-keys/${id}`)).status).toBe(404);
});
