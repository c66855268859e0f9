import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { createSecretBox } from "../../../src/keys/secret-box.ts";
import { until } from "../../support/e2e.ts";
import { openKeyStore, startKeyHouse, startWithoutStore } from "../../support/key-house.ts";
import { oidcClient, type OidcFault, startOidcProvider } from "../../support/oidc-provider.ts";

const provider = await startOidcProvider();
const database = openKeyStore();
const settings = {
  oidc: {
    issuer: provider.issuer,
    ...oidcClient,
    redirectBase: "https://gateway.example/",
    rolesClaim: "realm_access.roles",
    admins: ["gateway-admins"],
    operators: ["gateway-operators"],
    viewers: ["staff"],
  },
};
const secrets = createSecretBox(randomBytes(32));
const house = await startKeyHouse({ store: database.store, settings, secrets });
/** Another gateway of the same database, to which a browser may come back. */
const other = await startKeyHouse({ store: database.store, settings, secrets });
afterAll(async () => {
  [house, other, database].forEach((one) => one[Symbol.dispose]());
  await provider[Symbol.asyncDispose]();
});
beforeEach(() => {
  provider.fault = undefined;
  provider.claims = { preferred_username: "ann", realm_access: { roles: ["staff"] } };
});

interface Begun {
  readonly location: URL;
  readonly cookie: string;
}

async function begin(): Promise<Begun> {
  const response = await fetch(`${house.url}/api/auth/oidc/start`, { redirect: "manual" });
  expect(response.status).toBe(303);
  const setCookie = response.headers.get("set-cookie") ?? "";
  expect(setCookie).toMatch(/; Path=\/api\/auth\/oidc; HttpOnly; SameSite=Lax; Secure$/);
  return { location: new URL(response.headers.get("location") ?? ""), cookie: setCookie.split(";")[0] ?? "" };
}

/** What the provider sends the browser back with. */
async function visit({ location }: Begun): Promise<string> {
  const response = await fetch(location, { redirect: "manual" });
  const back = new URL(response.headers.get("location") ?? "");
  expect(`${back.origin}${back.pathname}`).toBe("https://gateway.example/api/auth/oidc/callback");
  return back.search;
}

async function comeBack(search: string, cookie: string | undefined, at = house): Promise<Response> {
  const headers: Record<string, string> = cookie === undefined ? {} : { cookie: `a=b; ${cookie}; c=d` };
  return fetch(`${at.url}/api/auth/oidc/callback${search}`, { redirect: "manual", headers });
}

async function loginAt(at = house): Promise<Response> {
  const begun = await begin();
  return comeBack(await visit(begun), begun.cookie, at);
}

function refreshTokenOf(response: Response): string {
  expect(response.status).toBe(303);
  const [path, token = ""] = (response.headers.get("location") ?? "").split("#refreshToken=");
  expect(path).toBe("/dashboard/");
  return token;
}

/** What the page after a login shows in a browser that came to it with this behind its path. */
async function pageAt(hash: string): Promise<{ text: string; token: string | undefined }> {
  const page = await fetch(`${house.url}/dashboard/`);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  const [, path = ""] = /<script src="([^"]+)">/.exec(await page.text()) ?? [];
  const script = await (await fetch(`${house.url}${path}`)).text();
  const { promise: shown, resolve } = Promise.withResolvers<string>();
  const status = {
    set textContent(text: string) {
      resolve(text);
    },
  };
  const input = { value: "" };
  const label = { hidden: true, querySelector: () => input };
  const parts = {
    location: { hash, pathname: "/dashboard/" },
    history: { replaceState: (_state: null, _title: string, url: string) => expect(url).toBe("/dashboard/") },
    document: { querySelector: (selector: string) => (selector === "label" ? label : status) },
    window: { fetch: (asked: string, request?: RequestInit) => fetch(`${house.url}${asked}`, request) },
  };
  // eslint-disable-next-line no-implied-eval, typescript/no-implied-eval
  new Function(...Object.keys(parts), script)(...Object.values(parts));
  const text = await shown;
  await Promise.resolve();
  return { text, token: label.hidden ? undefined : input.value };
}

describe("a login at the identity provider", () => {
  test("asks for a code with PKCE, state and nonce", async () => {
    const { location } = await begin();
    const query = Object.fromEntries(location.searchParams);
    expect(query).toMatchObject({
      response_type: "code",
      client_id: oidcClient.clientId,
      redirect_uri: "https://gateway.example/api/auth/oidc/callback",
      scope: "openid profile email",
      code_challenge_method: "S256",
    });
    for (const name of ["state", "nonce", "code_challenge"]) expect(query[name]).toMatch(/^[\w-]{43}$/);
    expect((await begin()).location.searchParams.get("state")).not.toBe(query["state"] ?? "");
  });

  test.each([
    [["gateway-admins", "staff"], "admin"],
    [["staff", "gateway-operators"], "operator"],
    ["staff", "viewer"],
  ])("gives whoever has %j the role %s, and tokens like any other", async (claimed, role) => {
    provider.claims = { preferred_username: "ann", realm_access: { roles: claimed } };
    const refreshToken = refreshTokenOf(await loginAt());
    const { status, body } = await house.ask("POST", "/api/auth/refresh", { refreshToken }, null);
    expect([status, body["role"]]).toEqual([200, role as never]);
    const me = await house.ask("GET", "/api/auth/me", undefined, String(body["accessToken"]));
    expect(me.body).toMatchObject({ name: "ann", role, userId: "oidc:subject-1" });
    // What stands in the browser's history is worth nothing any more.
    expect((await house.ask("POST", "/api/auth/refresh", { refreshToken }, null)).status).toBe(401);
  });

  test("is told by whom the provider means, however long its name for them, and not by what they call themselves", async () => {
    for (const [sub, userId] of [
      ["subject-2", "oidc:subject-2"],
      [`${"x".repeat(254)}1`, expect.stringMatching(/^oidc:sha256:[0-9a-f]{64}$/)],
      [`${"x".repeat(254)}2`, expect.stringMatching(/^oidc:sha256:[0-9a-f]{64}$/)],
    ] as const) {
      provider.claims = { sub, preferred_username: "root", realm_access: { roles: "gateway-admins" } };
      refreshTokenOf(await loginAt());
      const { body } = await house.ask("GET", "/api/audit?limit=1");
      expect(body["data"]).toMatchObject([{ action: "auth.login", actor: userId, detail: { name: "root" } }]);
    }
    const actors = (await house.ask("GET", "/api/audit?limit=3")).body["data"] as unknown as { actor: string }[];
    expect(new Set(actors.map(({ actor }) => actor)).size).toBe(3);
  });

  test("may end at another gateway than it began", async () => {
    refreshTokenOf(await loginAt(other));
  });

  test("lets nobody in who has no role, whatever a claim looks like", async () => {
    for (const roles of [
      undefined,
      [],
      ["GATEWAY-ADMINS"],
      "gateway-admins,x",
      [["gateway-admins"]],
      { 0: "staff" },
      1,
    ]) {
      provider.claims = { realm_access: { roles } };
      const response = await loginAt();
      expect([response.status, await response.text()]).toEqual([403, expect.stringContaining("realm_access.roles")]);
    }
  });

  const faults: OidcFault[] = [
    ...(["unsigned", "other-key", "hs256-with-client-secret"] as const),
    ...(["other-nonce", "other-audience", "other-issuer", "expired", "none"] as const),
  ];
  test.each(faults)("is refused with an ID token of which this is wrong: %s", async (fault) => {
    provider.fault = fault;
    provider.claims = { realm_access: { roles: ["gateway-admins"] } };
    expect((await loginAt()).status).toBe(401);
  });

  test("leads to a page that shows who it is", async () => {
    const refreshToken = refreshTokenOf(await loginAt());
    expect(await pageAt(`#refreshToken=${refreshToken}`)).toEqual({
      text: expect.stringContaining("logged in as ann, with the role viewer"),
      token: expect.stringMatching(/^eyJ/),
    });
    const again = await pageAt(`#refreshToken=${refreshToken}`);
    expect(again).toEqual({ text: expect.stringContaining("log in again"), token: undefined });
    expect(await pageAt("")).toEqual({ text: expect.stringContaining("/api/auth/oidc/start"), token: undefined });
  });

  test("that the provider refuses says why, to whoever began it", async () => {
    const begun = await begin();
    const state = begun.location.searchParams.get("state") ?? "";
    const query = { error: "access_denied", error_description: "not\u0007 today", state, iss: provider.issuer };
    const refused = await comeBack(`?${new URLSearchParams(query).toString()}`, begun.cookie);
    expect([refused.status, await refused.text()]).toEqual([
      401,
      expect.stringContaining("the identity provider says access_denied (not  today)"),
    ]);
    const forged = await comeBack(`?${new URLSearchParams({ ...query, state: "x" }).toString()}`, begun.cookie);
    expect([forged.status, await forged.text()]).toEqual([401, expect.not.stringContaining("access_denied")]);
  });

  test("is refused in a browser that has not begun it, or with something changed", async () => {
    const begun = await begin();
    const search = await visit(begun);
    const changed = new URLSearchParams(search);
    changed.set("state", "another");
    const foreign = (await begin()).cookie;
    for (const [query, cookie] of [
      [search, undefined],
      [search, `${begun.cookie}x`],
      [search, "orcestator_oidc=e30.e30"],
      [search, foreign],
      [`?${changed}`, begun.cookie],
      ["?error=access_denied", begun.cookie],
      ["", begun.cookie],
    ] as const)
      expect([query, (await comeBack(query, cookie)).status]).toEqual([query, 401]);
    refreshTokenOf(await comeBack(search, begun.cookie));
    expect((await comeBack(search, begun.cookie)).status).toBe(401);
    expect(provider.refusals.at(-1)).toBe("code");
  });

  test("tells nobody the client's secret", () => {
    expect(house.told.length).toBeGreaterThan(0);
    expect(house.told.join()).not.toContain(oidcClient.clientSecret);
  });
});

test("without a provider there is no such login, and one out of reach is said to be", async () => {
  using none = startWithoutStore();
  expect((await none.ask("GET", "/api/auth/oidc/start", undefined, null)).status).toBe(404);
  using lost = startWithoutStore({ oidc: { ...settings.oidc, issuer: "http://127.0.0.1:1" } });
  const { status, body } = await lost.ask("GET", "/api/auth/oidc/start", undefined, null);
  expect([status, JSON.stringify(body)]).toEqual([expect.any(Number), expect.stringContaining("cannot be reached")]);
  expect(status).toBeGreaterThanOrEqual(502);
});

test("a provider that is slow is asked about few codes at once, and too many made-up ones are refused unasked", async () => {
  const { cookie, location } = await begin();
  const state = location.searchParams.get("state") ?? "";
  const release = provider.hold();
  const statuses = new Map<number, number>();
  const all = Array.from({ length: 200 }, async (_, at) => {
    const search = `?${new URLSearchParams({ code: `made-up-${at}`, state, iss: provider.issuer })}`;
    const { status } = await comeBack(search, cookie);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });
  const isFull = (): boolean => statuses.get(429) === 200 - 16 - 128 && provider.mostAsked >= 16;
  await until(isFull, "some are asked about, and some refused");
  release();
  await Promise.all(all);
  expect(provider.mostAsked).toBe(16);
  expect(Object.fromEntries(statuses)).toEqual({ 401: 144, 429: 56 });
  refreshTokenOf(await loginAt());
});
