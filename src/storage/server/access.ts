import { contentsSteps } from "../sql/report.ts";
import { numberIn, runInTurn, statement, type Steps, textIn } from "../sql/steps.ts";
import type { DatabaseReport, TableAccess } from "../table-access.ts";
import { checkSchema, migrateServer, schemaStateSteps } from "./migrate.ts";
import type { Server } from "./store.ts";

/** Much is read and written at once where a database is saved or moved. */
const patientMs = 60_000;

/** A server's tables, once its schema is up to date. */
export function accessServer({ reads, writes, dialect, schema, address }: Server): TableAccess {
  let preparing: Promise<number> | undefined;
  const prepared = () => (preparing ??= migrateServer(writes, { schema, address }));
  return {
    dialect,
    async read(steps) {
      await prepared();
      return reads.read(steps, patientMs);
    },
    async write(steps) {
      await prepared();
      return writes.write(steps, patientMs);
    },
    async snapshot(work) {
      await prepared();
      return reads.hold(async (run) => {
        await run(statement(schema.snapshotSql));
        try {
          return await work((steps) => runInTurn(steps, run));
        } finally {
          await run(statement("ROLLBACK")).catch(() => undefined);
        }
      }, patientMs);
    },
    async close() {
      await Promise.all([reads.close(), writes.close()]);
    },
  };
}

function* serverSteps(sql: string): Steps<{ engine: string; bytes: number }> {
  const [row = {}] = (yield statement(sql)).rows;
  const name = textIn(row, "name");
  // MariaDB's version says its name, and more than anybody wants to know.
  const engine = /MariaDB/.test(name) ? name.replace(/^MySQL ([\d.]+).*/, "MariaDB $1") : name.replace(/ \(.*$/, "");
  return { engine, bytes: numberIn(row, "bytes") };
}

/** What is on a server. Throws GatewayError when it is another program's database, or a newer release's. */
export async function inspectServer({ reads, schema, address }: Server): Promise<DatabaseReport> {
  const { engine, bytes } = await reads.read(() => serverSteps(schema.serverSql));
  const state = await reads.read(() => schemaStateSteps(schema));
  const knownVersion = schema.steps.length;
  checkSchema(state, { steps: schema.steps, address });
  const head = { engine, bytes, version: state.version, knownVersion, damage: undefined };
  if (state.version !== knownVersion) return { ...head, rows: undefined, oldest: undefined };
  return { ...head, ...(await reads.read(contentsSteps, patientMs)) };
}
