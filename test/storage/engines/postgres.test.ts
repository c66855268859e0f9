import { afterAll } from "bun:test";
import { queryServer, startDatabaseServer } from "../../support/database-servers.ts";
import { storeConformance } from "../conformance.ts";
import { serverConformance } from "../conformance/server.ts";

const server = await startDatabaseServer("postgres");
if (server !== undefined) {
  const engine = { name: "PostgreSQL", createDatabase: () => server.createDatabase(), query: queryServer, server };
  storeConformance(engine);
  serverConformance({
    ...engine,
    sleepSql: "SELECT pg_sleep(30)",
    usersSql: (database) => [
      ...["clerk", "stranger"].map(
        (name) =>
          `DO $$ BEGIN CREATE ROLE ${name} LOGIN PASSWORD 'right'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
      ),
      `GRANT ALL ON DATABASE ${database} TO clerk`,
      "GRANT ALL ON SCHEMA public TO clerk",
    ],
    lockSql: [
      "ALTER ROLE clerk NOLOGIN",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'clerk'",
    ],
    unlockSql: "ALTER ROLE clerk LOGIN",
    migratesInParts: false,
  });
  afterAll(() => server.stop());
}
