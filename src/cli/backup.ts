import { statSync } from "node:fs";
import { defineCommand } from "citty";
import { backupDatabase } from "../storage/backup/backup.ts";
import { databaseName } from "../storage/engines.ts";
import { databaseArguments, databaseUrlOf } from "./db-argument.ts";
import { print } from "./output.ts";

const description = `Save the database into a file, while gateways go on using it

A name that ends in .gz makes a portable backup, from which any engine can be restored; any other name a SQLite file, for a
SQLite database. It holds everything, keys too: keep it as you keep those.

Examples:
  orcestator backup backup.db
  orcestator backup backup.ndjson.gz
  orcestator backup backup.ndjson.gz --db postgres://gateway@db.example/orcestator`;

export default defineCommand({
  meta: { name: "backup", description },
  args: {
    file: { type: "positional", required: true, description: "File to write" },
    ...databaseArguments,
    force: { type: "boolean", description: "Write over a file that is there already" },
  },
  async run({ args }) {
    const url = databaseUrlOf(args);
    const { rows } = await backupDatabase({ url, file: args.file, force: args.force === true });
    const bytes = statSync(args.file).size.toLocaleString("en-US");
    const counts = Object.entries(rows ?? {}).map(([table, count]) => `${count.toLocaleString("en-US")} ${table}`);
    const what = counts.length === 0 ? "" : `: ${counts.join(", ")}`;
    print(`${databaseName(url)} is saved in ${args.file} (${bytes} bytes)${what}.`);
  },
});
