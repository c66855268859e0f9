import { addressText, type ServerAddress } from "../../config/database-url.ts";
import type { ServerErrors } from "../server/failure.ts";
import { createPool } from "../server/pool.ts";
import { idleTimeout, poolSizes, type ServerSettings, tlsOptionOf } from "../server/settings.ts";
import type { Server } from "../server/store.ts";
import { mysqlDialect } from "./dialect.ts";
import { mysqlSchema } from "./schema.ts";

/** Too long, out of range, of another kind, not there where it must be, a key that is there twice. */
const refusedData = new Set(["1048", "1062", "1264", "1265", "1292", "1364", "1366", "1406", "3140"]);
/** A deadlock, a lock that was waited for too long, a row that changed under the transaction. */
const contention = new Set(["1020", "1205", "1213"]);

const errors: ServerErrors = {
  isRefusedData: (code) => refusedData.has(code),
  isContention: (code) => contention.has(code),
};

export function mysqlServer(address: ServerAddress, { timeoutMs, connections }: ServerSettings): Server {
  const { hostname, port, username, password, database, socket, allowPublicKeyRetrieval } = address;
  const shown = addressText(address);
  const sizes = poolSizes(connections);
  const pool = (max: number) =>
    createPool({
      // Everything is said here: what is not, the driver takes from variables of other programs.
      open: () =>
        new Bun.SQL({
          adapter: "mysql",
          hostname,
          port,
          username,
          password,
          database,
          max,
          allowPublicKeyRetrieval,
          ...(socket === undefined ? {} : { path: socket }),
          tls: tlsOptionOf(address),
          idleTimeout,
          connectionTimeout: Math.max(1, Math.ceil(timeoutMs / 2000)),
        }),
      dialect: mysqlDialect,
      errors,
      address: shown,
      timeoutMs,
      begin: "START TRANSACTION",
    });
  return {
    reads: pool(sizes.reads),
    writes: pool(sizes.writes),
    dialect: mysqlDialect,
    schema: mysqlSchema,
    address: shown,
  };
}
