import { afterAll } from "bun:test";
import { queryServer, startDatabaseServer } from "../../support/database-servers.ts";
import { storeConformance } from "../conformance.ts";
import { serverConformance } from "../conformance/server.ts";

const server = await startDatabaseServer("postgres");
if (server !== undefined) {
  const engine = { name: "PostgreSQL", createDatabase: () => server.createDatabase(), query: queryServer, server };
  storeConformance(engine);
  serverConformance({ ...engine, sleepSql: "SELECT pg_sleep(30)", migratesInParts: false });
  afterAll(() => server.stop());
}
