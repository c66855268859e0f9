// `bun scripts/docs.ts`: writes the tables in the documents that come from the code. `--check` only says whether they are current.
import { join } from "node:path";
import { environmentTable } from "./docs/environment-table.ts";
import { fillGeneratedRegions } from "./docs/generated-regions.ts";
import { settingTable } from "./docs/setting-table.ts";

const root = join(import.meta.dir, "..");
const documents = ["README.md", "docs/configuration.md"] as const;

function render(name: string): string {
  if (name === "environment") return environmentTable({ withSettings: false });
  if (name === "environment with settings") return environmentTable({ withSettings: true });
  return settingTable(name.replace(/^section /, ""));
}

/** Names of the documents whose tables were not what the code says. */
async function update({ isCheck }: { isCheck: boolean }): Promise<string[]> {
  const changed: string[] = [];
  for (const name of documents) {
    const path = join(root, name);
    const text = await Bun.file(path).text();
    const filled = fillGeneratedRegions(text, render);
    if (filled === text) continue;
    changed.push(name);
    if (!isCheck) await Bun.write(path, filled);
  }
  return changed;
}

const isCheck = process.argv.includes("--check");
const changed = await update({ isCheck });
if (changed.length === 0) console.log("The documents' tables are current.");
else if (!isCheck) console.log(`Written: ${changed.join(", ")}`);
else {
  console.error(`Out of date: ${changed.join(", ")}. Run: bun scripts/docs.ts`);
  process.exitCode = 1;
}
