import { defineCommand } from "citty";
import { inspectDatabase, migrateDatabase } from "../storage/databases.ts";
import { databaseName } from "../storage/engines.ts";
import { databaseArguments, databaseUrlOf } from "./db-argument.ts";
import { print } from "./output.ts";

const description = `Bring the database's schema up to date; the gateway does it by itself when it starts

Safe beside running gateways and when it runs several times at once. An older release refuses a newer schema.

Examples:
  orcestator db migrate
  orcestator db migrate --db mysql://gateway@db.example/orcestator`;

export default defineCommand({
  meta: { name: "migrate", description },
  args: databaseArguments,
  async run({ args }) {
    const url = databaseUrlOf(args);
    const before = (await inspectDatabase(url))?.version ?? 0;
    await migrateDatabase(url);
    const after = (await inspectDatabase(url))?.version ?? 0;
    const what = before === after ? "was up to date already" : `was brought from version ${before} to ${after}`;
    print(`The schema of ${databaseName(url)} ${what}.`);
  },
});
