import { join } from "node:path";
import { Elysia } from "elysia";
import { createVirtualKeys, type VirtualKeys } from "../../src/admin/virtual-keys.ts";
import { GatewayError } from "../../src/errors.ts";
import { createAccess } from "../../src/http/access.ts";
import { keyRoutes } from "../../src/http/admin/keys.ts";
import { ownKeyRoutes } from "../../src/http/admin/own-key.ts";
import type { AdminParts } from "../../src/http/admin/resource-routes.ts";
import { teamRoutes } from "../../src/http/admin/teams.ts";
import { createConnections } from "../../src/http/connections.ts";
import { plainError } from "../../src/http/errors.ts";
import { createKeyRing } from "../../src/keys/key-ring.ts";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import type { Store } from "../../src/storage/store.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const adminToken = "admin-token";

/** One gateway's keys: what it knows, and its API on a real socket. */
export interface KeyHouse extends VirtualKeys, Disposable {
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
  readonly requests: Pick<Store["requests"], "statistics">;
};

export interface KeyHouseOptions {
  readonly store: KeyStore;
  readonly now?: () => number;
  readonly inbound?: readonly string[];
  readonly anonymous?: "none" | "loopback";
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

function appOf(parts: AdminParts) {
  return new Elysia({ normalize: false, nativeStaticResponse: false })
    .onError(({ error }) => (error instanceof GatewayError ? plainError(error) : undefined))
    .use(keyRoutes(parts))
    .use(teamRoutes(parts))
    .use(ownKeyRoutes(parts));
}

/** Nothing happens by itself. */
const still = (): (() => void) => () => undefined;

export async function startKeyHouse(options: KeyHouseOptions): Promise<KeyHouse> {
  const { store, now = Date.now, inbound = [], anonymous = "none" } = options;
  const told: string[] = [];
  const log = { info: (text: string) => void told.push(text), warn: (text: string) => void told.push(text) };
  const virtualKeys = createVirtualKeys({ store, log, now, every: still, after: still });
  const { book, admin } = virtualKeys;
  await virtualKeys.look();
  const connections = createConnections(10);
  const access = createAccess({
    anonymous,
    cors: [],
    overrides: "keys",
    keyHeader: "x-api-key",
    inboundKeys: createKeyRing(inbound),
    virtualKeys: book,
    adminKeys: createKeyRing([adminToken]),
    connections,
    now,
  });
  const app = appOf({ access, connections, admin, server: { ...limits } });
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
  connections.attach(server);
  const url = `http://127.0.0.1:${server.port}`;
  return {
    ...virtualKeys,
    url,
    routes: app.routes,
    told,
    ask: (method, path, body, token = adminToken) => ask(`${url}${path}`, { method, body, token }),
    [Symbol.dispose]: () => void server.stop(true),
  };
}

/** The API of a gateway that has no database. */
export function startWithoutStore(): Pick<KeyHouse, "ask" | "routes" | "url"> & Disposable {
  const connections = createConnections(10);
  const access = createAccess({
    anonymous: "loopback",
    cors: [],
    overrides: "keys",
    keyHeader: "x-api-key",
    inboundKeys: createKeyRing([]),
    adminKeys: createKeyRing([adminToken]),
    connections,
  });
  const app = appOf({ access, connections, admin: undefined, server: { ...limits } });
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
  connections.attach(server);
  const url = `http://127.0.0.1:${server.port}`;
  return {
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
