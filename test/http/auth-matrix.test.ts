import { describe, expect, test } from "bun:test";
import { signAccessToken } from "../../src/admin/identity/access-token.ts";
import { makeRecord } from "../support/make-record.ts";
import { exchangeRaw } from "../support/raw-client.ts";
import { startWholeGateway } from "../support/whole-gateway.ts";
import { publicRoutes } from "./public-routes.ts";

const adminToken = "matrix-admin-token";
const { lasting, generation, port } = await startWholeGateway({
  server: { anonymous: "none" },
  providers: { local: { type: "dummy" } },
  models: { m: { targets: [{ provider: "local", model: "dummy" }] } },
  keys: { inbound: ["matrix-inbound-key"] },
  admin: { token: adminToken, username: "root", password: "the-matrix-password" },
});

interface Route {
  readonly method: string;
  readonly path: string;
}

const { routes } = generation.app;
const nameOf = ({ method, path }: Route): string => `${method} ${path}`;
const guarded = routes.filter((route) => !(nameOf(route) in publicRoutes));
const pathOf = ({ path }: Route): string => path.replace(/:\w+/g, "x").replace("*", "x/y");

type Needed = "viewer" | "operator" | "admin";

/** The least role that will do; the first row that fits `METHOD /path` counts. */
const roleRows: readonly (readonly [RegExp, Needed])[] = [
  [/ \/api\/(?:users|audit)(?:\/|$)/, "admin"],
  [/^(?!GET).* \/(?:api\/(?:providers|config)|admin\/groups)(?:\/|$)/, "admin"],
  [/^(?!GET).* \/(?:api\/(?:keys|teams|models)|admin\/proxy-keys)(?:\/|$)/, "operator"],
  [/ \/api\/(?:keys|teams|models|providers|config|logs|requests|stats|prices|auth)(?:\/|$)/, "viewer"],
  [/ \/admin\//, "viewer"],
];

/** What only somebody who looks after the gateway may use; `undefined` = it is not for those. */
function roleFor(route: Route): Needed | undefined {
  return roleRows.find(([pattern]) => pattern.test(nameOf(route)))?.[1];
}

const carriers: Readonly<Record<string, (token: string) => { query: string; headers: Record<string, string> }>> = {
  Bearer: (token) => ({ query: "", headers: { authorization: `Bearer ${token}` } }),
  "x-api-key": (token) => ({ query: "", headers: { "x-api-key": token } }),
  "api-key": (token) => ({ query: "", headers: { "api-key": token } }),
  "x-goog-api-key": (token) => ({ query: "", headers: { "x-goog-api-key": token } }),
  "?key=": (token) => ({ query: `?key=${encodeURIComponent(token)}`, headers: {} }),
};

async function statusOf(route: Route, carrier: string, token: string | undefined): Promise<number> {
  const present = carriers[carrier];
  if (present === undefined) throw new Error(`no carrier ${carrier}`);
  const { query, headers } = token === undefined ? { query: "", headers: {} } : present(token);
  const { method } = route;
  const response = await fetch(`http://127.0.0.1:${port}${pathOf(route)}${query}`, {
    method,
    headers,
    ...(method === "GET" ? {} : { body: "{}" }),
  });
  await response.body?.cancel();
  return response.status;
}

const { identity, virtualKeys } = lasting;
const by = { actor: "test", address: undefined };
const visitor = { address: "127.0.0.1", agent: undefined };

async function loginOf(role: "viewer" | "operator"): Promise<string> {
  const password = `password-of-${role}`;
  await identity.users.create({ name: role, password, role, enabled: true }, by);
  return (await identity.login({ username: role, password }, visitor)).accessToken;
}

const viewer = await loginOf("viewer");
const operator = await loginOf("operator");
const root = (await identity.login({ username: "root", password: "the-matrix-password" }, visitor)).accessToken;

async function revokedToken(): Promise<string> {
  const { accessToken } = await identity.login({ username: "root", password: "the-matrix-password" }, visitor);
  const { sessionId = "" } = identity.holder(accessToken) ?? {};
  await identity.sessions.end(sessionId);
  return accessToken;
}

async function expiredToken(): Promise<string> {
  const holder = identity.holder(root);
  if (holder === undefined) throw new Error("root is not logged in");
  const { userId: sub, sessionId: sid, name, role, epoch } = holder;
  const { access } = await identity.keys.ready();
  const second = Math.floor(Date.now() / 1000);
  return signAccessToken({ sub, sid, name, role, epoch, begun: 0, iat: second - 700, exp: second - 100 }, access);
}

const keys = virtualKeys?.admin.keys;
if (keys === undefined) throw new Error("there are no keys without a database");
const holdersKey = (await keys.create({ name: "holder", enabled: true }, by)).key;
const disabledKey = (await keys.create({ name: "disabled", enabled: false }, by)).key;

const intruders: Readonly<Record<string, string | undefined>> = {
  "no token": undefined,
  "a bad token": "matrix-admin-toke",
  "a disabled virtual key": disabledKey,
  "an expired login": await expiredToken(),
  "a login that was ended": await revokedToken(),
  "a login with another signature": `${root.slice(0, -6)}AAAAAA`,
};

test("all routes are known to be public, for keys, or for a role", () => {
  expect(guarded.length).toBeGreaterThan(70);
  const known = new Set(routes.map(nameOf));
  expect(Object.keys(publicRoutes).filter((name) => !known.has(name))).toEqual([]);
  const unknown = guarded.filter(
    (route) => /^\/(?:api|admin)\//.test(route.path) && roleFor(route) === undefined && !isForKeys(route),
  );
  expect(unknown.map(nameOf)).toEqual([]);
});

/** Ollama's own, and what the holder of a key may know of it. */
function isForKeys({ path }: Route): boolean {
  return /^\/api\/(?:chat|generate|embed|embeddings|tags|ps|show|me|me\/rotate)$/.test(path);
}

/** Routes that answered otherwise, each with its status. */
async function othersThan(
  expected: readonly number[],
  asked: readonly Route[],
  statusFor: (route: Route) => Promise<number>,
): Promise<string[]> {
  const others: string[] = [];
  for (const route of asked) {
    const status = await statusFor(route);
    if (!expected.includes(status)) others.push(`${nameOf(route)}: ${status}`);
  }
  return others;
}

const forRoles = guarded.filter((route) => roleFor(route) !== undefined);

describe.each(Object.keys(carriers))("by %s", (carrier) => {
  test.each(Object.entries(intruders))("%s opens nothing", async (_name, token) => {
    expect(await othersThan([401, 403], guarded, (route) => statusOf(route, carrier, token))).toEqual([]);
  });

  test("a virtual key, and one of the configuration, open nothing that is for who looks after the gateway", async () => {
    for (const token of [holdersKey, "matrix-inbound-key"])
      expect(await othersThan([401], forRoles, (route) => statusOf(route, carrier, token))).toEqual([]);
  });

  test("a viewer changes nothing, and an operator nothing that is for admins", async () => {
    const notForViewers = forRoles.filter((route) => roleFor(route) !== "viewer");
    const notForOperators = forRoles.filter((route) => roleFor(route) === "admin");
    expect(notForViewers.length).toBeGreaterThan(notForOperators.length);
    expect(await othersThan([403], notForViewers, (route) => statusOf(route, carrier, viewer))).toEqual([]);
    expect(await othersThan([403], notForOperators, (route) => statusOf(route, carrier, operator))).toEqual([]);
  });
});

test("a viewer and an operator may do all that is theirs", async () => {
  // Whoever asks for that is not logged in any more.
  const asked = forRoles.filter((route) => nameOf(route) !== "POST /api/auth/logout" && !route.path.includes("tail"));
  const refused = async (token: string, needed: readonly (Needed | undefined)[]): Promise<string[]> =>
    othersThan(
      [200, 204, 400, 404, 409],
      asked.filter((route) => needed.includes(roleFor(route))),
      (route) => statusOf(route, "Bearer", token),
    );
  expect(await refused(viewer, ["viewer"])).toEqual([]);
  expect(await refused(operator, ["viewer", "operator"])).toEqual([]);
});

test("every role reads what people wrote, as far as it is kept", async () => {
  const record = makeRecord({ userText: "a private question" });
  lasting.keep(record);
  for (const token of [viewer, operator, adminToken]) {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`http://127.0.0.1:${port}/api/requests/${record.id}`, { headers });
    expect(await response.json()).toMatchObject({ userText: "a private question" });
  }
});

test.each(Object.keys(carriers))(
  "the metrics by %s are for those who look after the gateway and for keys of its configuration, not for virtual keys",
  async (carrier) => {
    const metrics = { method: "GET", path: "/metrics" };
    expect(guarded.map(nameOf)).toContain(nameOf(metrics));
    for (const token of [adminToken, root, operator, viewer, "matrix-inbound-key"])
      expect(await statusOf(metrics, carrier, token)).toBe(200);
    expect(await statusOf(metrics, carrier, holdersKey)).toBe(403);
  },
);

// 409: what is asked for needs something that this gateway was started without.
test("those who may come in do", async () => {
  const reads = forRoles.filter(({ method, path }) => method === "GET" && !path.includes("tail"));
  for (const token of [adminToken, root])
    expect(await othersThan([200, 400, 404, 409], reads, (route) => statusOf(route, "Bearer", token))).toEqual([]);
});

describe("a Host header", () => {
  const hosts = ["x", "gw", "a.b", "x:1", "x#", "x/", "a b", "u@x", "", "[::1", "x?", "localhost/health", "x\\y", "é"];

  test.each(hosts)("%j lets nobody in", async (host) => {
    const ask = async ({ method }: Route, target: string): Promise<number> =>
      (await exchangeRaw(port, `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)).status;
    const without = guarded.filter(({ method }) => method !== "POST");
    expect(await othersThan([400, 401, 403], without, (route) => ask(route, pathOf(route)))).toEqual([]);
    expect(await othersThan([400, 401, 403], without, (route) => ask(route, `/${pathOf(route)}`))).toEqual([]);
    expect(await othersThan([400, 404, 405], without, (route) => ask(route, `/zz${pathOf(route)}`))).toEqual([]);
  });
});

test.each(["%zz", "%ff", "%c3", "%"])(
  "an id that is %s is a mistake of who asks, wherever one is taken",
  async (id) => {
    const named = routes.filter(({ path }) => path.includes(":"));
    expect(named.length).toBeGreaterThan(30);
    const authorization = `Bearer ${adminToken}`;
    const statusFor = async ({ method, path }: Route): Promise<number> => {
      const url = `http://127.0.0.1:${port}${path.replace(/:\w+/g, id)}`;
      return (await fetch(url, { method, headers: { authorization } })).status;
    };
    expect(await othersThan([400, 401, 404], named, statusFor)).toEqual([]);
    const keys = named.filter(({ path }) => path === "/api/keys/:id");
    expect(await othersThan([400], keys, statusFor)).toEqual([]);
  },
);
