import { join } from "node:path";
import { keyAccess } from "./key-access.ts";
import { Elysia } from "elysia";
import { createIdentity, type Identity } from "../../src/admin/identity/identity.ts";
import { createVirtualKeys, type VirtualKeys, type VirtualKeysOptions } from "../../src/admin/virtual-keys.ts";
import { configSchema } from "../../src/config/schema.ts";
import { GatewayError } from "../../src/errors.ts";
import { createAccess } from "../../src/http/access.ts";
import { auditRoutes } from "../../src/http/admin/audit.ts";
import { authRoutes, type AuthParts } from "../../src/http/admin/auth.ts";
import { keyRoutes } from "../../src/http/admin/keys.ts";
import { loginPage } from "../../src/http/admin/login-page.ts";
import { oidcRoutes } from "../../src/http/admin/oidc.ts";
import { ownKeyRoutes } from "../../src/http/admin/own-key.ts";
import type { AdminParts } from "../../src/http/admin/resource-routes.ts";
import { sessionRoutes } from "../../src/http/admin/sessions.ts";
import { teamRoutes } from "../../src/http/admin/teams.ts";
import { userRoutes } from "../../src/http/admin/users.ts";
import { createConnections } from "../../src/http/connections.ts";
import { plainError } from "../../src/http/errors.ts";
import { createKeyRing } from "../../src/keys/key-ring.ts";
import type { SecretBox } from "../../src/keys/secret-box.ts";
import { parseAddressRange } from "../../src/lib/cidr.ts";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import type { Store } from "../../src/storage/store.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const adminToken = "admin-token";

/** One gateway's keys: what it knows, and its API on a real socket. */
export interface KeyHouse extends VirtualKeys, Disposable {
  readonly identity: Identity;
  readonly url: string;
  readonly routes: readonly { method: string; path: string }[];
  readonly told: string[];
  /** Calls the API, as the admin unless another token is given; `null` = none. */
  ask(method: string, path: string, body?: unknown, token?: string | null): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, never> & { readonly [field: string]: unknown };
  readonly headers: Headers;
}

export type KeyStore = Pick<Store, "documents" | "audit"> & {
  readonly requests: Pick<Store["requests"], "keyTotals">;
};

/** For stores of whose requests nobody asks. */
export const noRequests: KeyStore["requests"] = {
  keyTotals: (_key, since) => ({
    since,
    requests: 0,
    errors: 0,
    promptTokens: 0,
    completionTokens: 0,
    costUsd: undefined,
  }),
};

export interface KeyHouseOptions {
  readonly store: KeyStore;
  readonly isAlone?: boolean;
  readonly heardMs?: number;
  /** Instead of timers that never ring. */
  readonly after?: NonNullable<VirtualKeysOptions["after"]>;
  readonly now?: () => number;
  readonly inbound?: readonly string[];
  readonly anonymous?: "none" | "loopback";
  /** Settings below `admin`; the admin token is good besides. */
  readonly settings?: object;
  readonly secrets?: SecretBox;
  /** Addresses of proxies in front. */
  readonly trustedProxies?: readonly string[];
}

/** A real database in a folder of its own. */
export function openKeyStore(): { store: Store } & Disposable {
  const folder = temporaryFolder();
  const store = openSqliteStore({ path: join(folder.path, "keys.db"), onWarning: () => undefined });
  return {
    store,
    [Symbol.dispose]() {
      void store.close();
      folder[Symbol.dispose]();
    },
  };
}

function settingsOf(given: object = {}) {
  const { admin } = configSchema.parse({ admin: given });
  return () => admin;
}

/** Users and sessions of a gateway without a database. */
export function memoryIdentity(settings?: object, told: string[] = []): Identity {
  const log = { info: (text: string) => void told.push(text), warn: (text: string) => void told.push(text) };
  return createIdentity({ settings: settingsOf(settings), store: undefined, secrets: undefined, log });
}

function appOf(parts: AdminParts & AuthParts) {
  return new Elysia({ normalize: false, nativeStaticResponse: false })
    .onError(({ error }) => (error instanceof GatewayError ? plainError(error) : undefined))
    .use(keyRoutes(parts))
    .use(teamRoutes(parts))
    .use(ownKeyRoutes(parts))
    .use(authRoutes(parts))
    .use(oidcRoutes(parts))
    .use(sessionRoutes(parts))
    .use(userRoutes(parts))
    .use(loginPage)
    .use(auditRoutes(parts));
}

/** Nothing happens by itself. */
const still = (): (() => void) => () => undefined;

export async function startKeyHouse(options: KeyHouseOptions): Promise<KeyHouse> {
  const { store, now = Date.now, inbound = [], anonymous = "none", trustedProxies = [] } = options;
  const told: string[] = [];
  const log = { info: (text: string) => void told.push(text), warn: (text: string) => void told.push(text) };
  const virtualKeys = createVirtualKeys({
    store,
    log,
    onChange: (change) => identity.apply(change),
    ...(options.isAlone && { isAlone: true }),
    now,
    every: still,
    after: options.after ?? still,
    ...(options.heardMs !== undefined && { heardMs: options.heardMs }),
  });
  const { book, admin } = virtualKeys;
  const identity = createIdentity({
    settings: settingsOf(options.settings),
    store: { documents: store.documents, trail: admin.trail, look: () => virtualKeys.look() },
    secrets: options.secrets,
    log,
    now,
  });
  await virtualKeys.look();
  await identity.prepare();
  const trusted = trustedProxies.map(parseAddressRange).filter((range) => range !== undefined);
  const connections = createConnections(10, () => trusted);
  const access = createAccess({
    anonymous,
    cors: [],
    overrides: "keys",
    keyHeader: "x-api-key",
    inboundKeys: createKeyRing(inbound),
    virtualKeys: book,
    adminKeys: createKeyRing([adminToken]),
    identity,
    connections,
    now,
  });
  const app = appOf({ access, connections, admin, identity, server: { ...limits } });
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
  connections.attach(server);
  const url = `http://127.0.0.1:${server.port}`;
  return {
    ...virtualKeys,
    identity,
    url,
    routes: app.routes,
    told,
    ask: (method, path, body, token = adminToken) => ask(`${url}${path}`, { method, body, token }),
    [Symbol.dispose]: () => void server.stop(true),
  };
}

/** The API of a gateway that has no database. */
export function startWithoutStore(
  settings?: object,
): Pick<KeyHouse, "ask" | "identity" | "routes" | "told" | "url"> & Disposable {
  const told: string[] = [];
  const identity = memoryIdentity(settings, told);
  const connections = createConnections(10);
  const access = keyAccess(
    { admin: [adminToken] },
    { anonymous: "loopback", overrides: "keys", identity, connections },
  );
  const app = appOf({ access, connections, admin: undefined, identity, server: { ...limits } });
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
  connections.attach(server);
  const url = `http://127.0.0.1:${server.port}`;
  return {
    identity,
    told,
    url,
    routes: app.routes,
    ask: (method, path, body, token = adminToken) => ask(`${url}${path}`, { method, body, token }),
    [Symbol.dispose]: () => void server.stop(true),
  };
}

const limits = { maxBodyBytes: 1e6, bodyTimeout: 5000, heartbeat: 15_000, passthrough: true };

async function ask(url: string, request: { method: string; body: unknown; token: string | null }): Promise<Answer> {
  const { method, body, token } = request;
  const sent = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: sent }),
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  return {
    status: response.status,
    body: (text === "" ? {} : JSON.parse(text)) as Answer["body"],
    headers: response.headers,
  };
}
