import { defineCommand } from "citty";
import { rekeyDatabase } from "../runtime/rekey.ts";
import { loadConfig } from "../config/load.ts";
import { counted } from "../lib/counted.ts";
import { errorText } from "../lib/error-text.ts";
import { databaseArguments, databaseUrlOf } from "./db-argument.ts";
import { CliError, print } from "./output.ts";
import { readableDatabase } from "./readable-database.ts";

const description = `Seal all secrets in the database with another key

Safe beside running gateways, and to run again after it was cut short. Where the key is in a file, the gateways that read
that file take the new key by themselves. Where it is set (ORCESTATOR_SECRET_KEY), set \`<new>,<old>\` on all gateways first,
and \`<new>\` alone afterwards.

Examples:
  orcestator rekey --new-key-file new.key
  orcestator rekey --new-key-file new.key --db postgres://gateway@db.example/orcestator`;

export default defineCommand({
  meta: { name: "rekey", description },
  args: {
    "new-key-file": {
      type: "string",
      required: true,
      valueHint: "file",
      description: "File with the new key; one is made where there is no such file",
    },
    ...databaseArguments,
  },
  async run({ args }) {
    const { url, name } = readableDatabase(databaseUrlOf(args));
    const { config } = loadConfig({ configPath: args.config, needsCredential: false });
    const storage = { ...config.storage, url };
    try {
      const { secrets, documents, next } = await rekeyDatabase({ storage, newKeyFile: args["new-key-file"] });
      const what = `${counted(secrets, "secret")} in ${counted(documents, "document")}`;
      print(`${name}: ${what} sealed with the new key. ${next}`);
    } catch (error) {
      throw new CliError(errorText(error));
    }
  },
});
