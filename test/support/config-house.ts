import { afterAll } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Elysia } from "elysia";
import { type Configuration, createConfiguration } from "../../src/admin/configuration/index.ts";
import { createVirtualKeys, type VirtualKeys } from "../../src/admin/virtual-keys.ts";
import type { LoadedConfig, LoadOptions } from "../../src/config/load.ts";
import type { ResolvedConfig } from "../../src/config/resolve.ts";
import { GatewayError } from "../../src/errors.ts";
import { type Access, createAccess } from "../../src/http/access.ts";
import { configRoutes } from "../../src/http/admin/config.ts";
import { type GroupParts, groupRoutes } from "../../src/http/admin/groups.ts";
import { modelRoutes } from "../../src/http/admin/models.ts";
import { providerHealthRoutes } from "../../src/http/admin/providers-health.ts";
import { providerRoutes } from "../../src/http/admin/providers.ts";
import { trafficRoutes } from "../../src/http/admin/traffic.ts";
import { createConnections } from "../../src/http/connections.ts";
import { plainError } from "../../src/http/errors.ts";
import { createKeyRing } from "../../src/keys/key-ring.ts";
import { type Role, roles, suffices } from "../../src/keys/role.ts";
import { createSecretBox, type SecretBox } from "../../src/keys/secret-box.ts";
import { createLiveConfig } from "../../src/runtime/live-config.ts";
import type { Store } from "../../src/storage/store.ts";
import { createRequestRing, type RequestRing } from "../../src/telemetry/request-ring.ts";
import { openKeyStore } from "./key-house.ts";
import { configFolder } from "../config/folder.ts";

/** The configuration of one gateway and its API on a real socket; nothing happens by itself. */
export interface ConfigHouse extends Disposable {
  readonly url: string;
  readonly routes: readonly { method: string; path: string }[];
  readonly configuration: Configuration;
  readonly virtualKeys: VirtualKeys | undefined;
  readonly ring: RequestRing;
  /** What the log was told. */
  readonly told: string[];
  /** How often the configuration was read as a whole. */
  reads(): number;
  /** What is served. */
  config(): ResolvedConfig;
  /** Writes the configuration's file anew (`undefined`: takes it away), and takes it over. */
  write(text: string | undefined): void;
  /** Hears what others have changed. */
  look(): Promise<void>;
  /** Calls the API, as an admin unless another role is given; `null` = nobody. A text is sent as it is. */
  ask(method: string, path: string, body?: unknown, role?: Role | null): Promise<ConfigAnswer>;
}

export interface ConfigAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface ConfigHouseOptions {
  /** `undefined` = there is no database. */
  readonly store: Store | undefined;
  /** The configuration's file. */
  readonly file: string;
  readonly env?: Record<string, string>;
  /** `null` = there is no key to seal with. */
  readonly box?: SecretBox | null;
}

/** A house whose configuration is one file, over a database of its own, for as long as a test file runs. */
export async function startFiledHouse(file: string): Promise<{ house: ConfigHouse; store: Store }> {
  const database = openKeyStore();
  const { store } = database;
  const house = await startConfigHouse({ store, file });
  afterAll(() => {
    house[Symbol.dispose]();
    database[Symbol.dispose]();
  });
  return { house, store };
}

export function messageOf({ body }: ConfigAnswer): string {
  return (body["error"] as { message?: string } | undefined)?.message ?? "";
}

/** Everybody has the role that his token names. */
function accessByRole(access: Access): Access {
  return {
    ...access,
    admin(request, needed) {
      const token = request.headers.get("authorization")?.replace("Bearer ", "");
      const role = roles.find((known) => known === token);
      if (role === undefined) throw new GatewayError({ code: "invalid_api_key", status: 401, message: "Who are you?" });
      if (!suffices(role, needed)) throw new GatewayError({ code: "forbidden", status: 403, message: "Not you." });
      return { actor: role, role };
    },
  };
}

const limits = { maxBodyBytes: 4e6, bodyTimeout: 5000, heartbeat: 15_000, passthrough: true };
const still = (): (() => void) => () => undefined;

export async function startConfigHouse(options: ConfigHouseOptions): Promise<ConfigHouse> {
  const { store, file, env = {}, box = createSecretBox(new Uint8Array(32)) } = options;
  const folder = configFolder({ "orcestator.yaml": file });
  const told: string[] = [];
  const log = (text: string): void => void told.push(text);
  let reads = 0;
  const load = (more: Partial<LoadOptions> = {}): LoadedConfig => {
    reads += 1;
    return folder.load({ env, needsFiles: true, ...more });
  };
  const loaded = load();
  let served = loaded.config;
  const live = createLiveConfig({
    source: { loaded, load: (overlay) => load({ overlay }) },
    apply: (config) => (served = config),
    logger: { info: log, warn: log, error: log },
  });
  const virtualKeys =
    store &&
    createVirtualKeys({
      store,
      log: { info: log, warn: log },
      onChange: (change) => configuration.apply(change),
      every: still,
      after: still,
    });
  const configuration = createConfiguration({
    live,
    box: box ?? undefined,
    store: store &&
      virtualKeys && {
        ...virtualKeys.admin,
        documents: store.documents,
        look: () => virtualKeys.look(),
      },
    log: { warn: log },
  });
  await virtualKeys?.look();
  configuration.loaded();
  await Promise.resolve();

  const connections = createConnections(10);
  const keyRing = createKeyRing([]);
  const access = accessByRole(
    createAccess({
      anonymous: "none",
      cors: [],
      overrides: "keys",
      keyHeader: "x-api-key",
      inboundKeys: keyRing,
      adminKeys: keyRing,
      connections,
    }),
  );
  const ring = createRequestRing();
  const parts: GroupParts = {
    access,
    connections,
    server: limits,
    admin: virtualKeys?.admin,
    configuration,
    gateway: { active: () => 0 },
    providerHealth: () => [],
    readiness: () => ({ isReady: true, reasons: [], notices: [] }),
    requests: { ring, stored: undefined, store: store?.requests },
  };
  const app = new Elysia({ normalize: false, nativeStaticResponse: false })
    .onError(({ error }) => (error instanceof GatewayError ? plainError(error) : undefined))
    .use(providerHealthRoutes(parts))
    .use(providerRoutes(parts))
    .use(modelRoutes(parts))
    .use(configRoutes(parts))
    .use(groupRoutes(parts))
    .use(trafficRoutes(parts));
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
  connections.attach(server);
  const url = `http://127.0.0.1:${server.port}`;

  return {
    url,
    routes: app.routes,
    configuration,
    virtualKeys,
    ring,
    told,
    reads: () => reads,
    config: () => served,
    write(text) {
      const path = join(folder.path, "orcestator.yaml");
      if (text === undefined) rmSync(path);
      else writeFileSync(path, text);
      live.reload.attempt();
    },
    async look() {
      await virtualKeys?.look();
      await Promise.resolve();
    },
    async ask(method, path, body, role = "admin") {
      const response = await fetch(`${url}${path}`, {
        method,
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        headers: role === null ? {} : { authorization: `Bearer ${role}` },
      });
      const text = await response.text();
      return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as ConfigAnswer["body"]) };
    },
    [Symbol.dispose]() {
      void server.stop(true);
      folder[Symbol.dispose]();
    },
  };
}
