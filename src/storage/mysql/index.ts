import { addressText, type ServerAddress } from "../../config/database-url.ts";
import type { ServerErrors } from "../server/failure.ts";
import { createPool } from "../server/pool.ts";
import { connectionOptions, poolSizes, type ServerSettings } from "../server/settings.ts";
import type { Server } from "../server/store.ts";
import { mysqlDialect } from "./dialect.ts";
import { mysqlSchema } from "./schema.ts";

/** Too long, out of range, of another kind, not there where it must be, a key that is there twice. */
const refusedData = new Set(["1048", "1062", "1264", "1265", "1292", "1364", "1366", "1406", "3140"]);
/** A deadlock, a lock that was waited for too long, a row that changed under the transaction. */
const contention = new Set(["1020", "1205", "1213"]);
/** This user, password, host or database is not let in, or may not make tables. */
const refusedAccess = new Set(["1044", "1045", "1049", "1130", "1142", "1698", "1862", "3118", "4151"]);

const errors: ServerErrors = {
  isRefusedData: (code) => refusedData.has(code),
  isContention: (code) => contention.has(code),
  isRefusedAccess: (code) => refusedAccess.has(code),
};

export function mysqlServer(address: ServerAddress, { timeoutMs, connections }: ServerSettings): Server {
  const shown = addressText(address);
  const sizes = poolSizes(connections);
  const pool = (max: number) =>
    createPool({
      open: () =>
        new Bun.SQL({
          adapter: "mysql",
          ...connectionOptions(address, { max, timeoutMs }),
          allowPublicKeyRetrieval: address.allowPublicKeyRetrieval,
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
