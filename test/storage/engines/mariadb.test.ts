import { afterAll } from "bun:test";
import { queryServer, startDatabaseServer } from "../../support/database-servers.ts";
import { storeConformance } from "../conformance.ts";
import { serverConformance } from "../conformance/server.ts";

const server = await startDatabaseServer("mariadb");
if (server !== undefined) {
  const engine = { name: "MariaDB", createDatabase: () => server.createDatabase(), query: queryServer, server };
  storeConformance(engine);
  serverConformance({
    ...engine,
    sleepSql: "SELECT sleep(30)",
    usersSql: (database) => [
      ...["clerk", "stranger"].map((name) => `CREATE OR REPLACE USER ${name}@localhost IDENTIFIED BY 'right'`),
      `GRANT ALL ON ${database}.* TO clerk@localhost`,
    ],
    lockSql: ["ALTER USER clerk@localhost ACCOUNT LOCK", "KILL USER clerk"],
    unlockSql: "ALTER USER clerk@localhost ACCOUNT UNLOCK",
    migratesInParts: true,
  });
  afterAll(() => server.stop());
}
