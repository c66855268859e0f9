import { addressText, type ServerAddress } from "../../config/database-url.ts";
import type { ServerErrors } from "../server/failure.ts";
import { createPool } from "../server/pool.ts";
import { connectionOptions, poolSizes, type ServerSettings } from "../server/settings.ts";
import type { Server } from "../server/store.ts";
import { postgresDialect } from "./dialect.ts";
import { postgresSchema } from "./schema.ts";

const errors: ServerErrors = {
  // Values that do not fit, and broken constraints.
  isRefusedData: (code) => /^2[23]/.test(code),
  isContention: (code) => code === "40001" || code === "40P01",
  // Who it is, which database, and what may be done there.
  isRefusedAccess: (code) => code.startsWith("28") || code === "3D000" || code === "42501",
};

export function postgresServer(address: ServerAddress, { timeoutMs, connections }: ServerSettings): Server {
  const shown = addressText(address);
  const sizes = poolSizes(connections);
  const pool = (max: number) =>
    createPool({
      open: () =>
        new Bun.SQL({
          adapter: "postgres",
          ...connectionOptions(address, { max, timeoutMs }),
          connection: { application_name: "orcestator" },
        }),
      dialect: postgresDialect,
      errors,
      address: shown,
      timeoutMs,
      begin: "BEGIN",
    });
  return {
    reads: pool(sizes.reads),
    writes: pool(sizes.writes),
    dialect: postgresDialect,
    schema: postgresSchema,
    address: shown,
  };
}
