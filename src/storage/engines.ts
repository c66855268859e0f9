import { addressText, type ServerEngine, serverAddressOf } from "../config/database-url.ts";
import { mysqlServer } from "./mysql/index.ts";
import { postgresServer } from "./postgres/index.ts";
import type { ServerSettings } from "./server/settings.ts";
import { openServerStore, type Server } from "./server/store.ts";
import { openSqliteStore } from "./sqlite/index.ts";
import { sqlitePathOf } from "./sqlite/sqlite-path.ts";
import type { Store } from "./store.ts";

const servers = { mysql: mysqlServer, postgres: postgresServer } satisfies Record<ServerEngine, unknown>;

const usualSettings: ServerSettings = { timeoutMs: 5000, connections: 5 };

export interface StoreOptions extends Partial<ServerSettings> {
  /** A `storage.url`. */
  url: string;
  /** Something is wrong, or right again; the owner should know. */
  onWarning: (message: string) => void;
  now?: () => number;
}

/** A database as a URL names it: a file, or a server. */
export type Database = { readonly path: string } | { readonly server: Server };

export function databaseOf(url: string, settings: Partial<ServerSettings> = {}): Database {
  const address = serverAddressOf(url);
  if (address === undefined) return { path: sqlitePathOf(url) };
  const { timeoutMs = usualSettings.timeoutMs, connections = usualSettings.connections } = settings;
  return { server: servers[address.engine](address, { timeoutMs, connections }) };
}

/** A database's name for people: the path of a file, or the address of a server without its password. */
export function databaseName(url: string): string {
  const address = serverAddressOf(url);
  return address === undefined ? sqlitePathOf(url) : addressText(address);
}

/**
 * Opens the database that a URL names. A file that cannot be had throws a GatewayError with a message for people; a server
 * is not waited for (see `Store.ready`).
 */
export function openStore({ url, onWarning, now, ...settings }: StoreOptions): Store {
  const clock = now === undefined ? {} : { now };
  const database = databaseOf(url, settings);
  if ("path" in database) return openSqliteStore({ path: database.path, onWarning, ...clock });
  return openServerStore(database.server, { onWarning, ...clock });
}
