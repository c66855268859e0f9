import { defineCommand } from "citty";
import { restoreDatabase } from "../storage/backup/restore.ts";
import { databaseName } from "../storage/engines.ts";
import { databaseArguments, databaseUrlOf } from "./db-argument.ts";
import { print } from "./output.ts";

const description = `Bring the database back from a backup, or move it to another engine

The backup is read to its end before anything is changed. A database that is not empty is left as it is, unless --force says
to delete what is in it; stop the gateways that use it first.

Examples:
  orcestator restore backup.db
  orcestator restore backup.ndjson.gz --db postgres://gateway@db.example/orcestator
  orcestator restore backup.db --force`;

export default defineCommand({
  meta: { name: "restore", description },
  args: {
    file: { type: "positional", required: true, description: "File that `orcestator backup` wrote" },
    ...databaseArguments,
    force: { type: "boolean", description: "Delete what is in the database" },
  },
  async run({ args }) {
    const url = databaseUrlOf(args);
    const rows = await restoreDatabase({ url, file: args.file, force: args.force === true });
    const counts = Object.entries(rows ?? {}).map(([table, count]) => `${count.toLocaleString("en-US")} ${table}`);
    const what = counts.length === 0 ? "" : `: ${counts.join(", ")}`;
    print(`${databaseName(url)} is restored from ${args.file}${what}.`);
  },
});
