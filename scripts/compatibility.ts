// `bun scripts/compatibility.ts`: tries every client before every upstream and writes docs/compatibility.md.
//
// Results of clients that are tried elsewhere (SDKs of other languages, agent programmes) are taken from
// dist/compatibility/*.json. Each file is a list of
//   { client: string, version: string, upstream: string, feature: string, result: "ok" | "explained" | "failed", note: string }
// `client` is its name for people; `upstream` one of chat, responses, claude, gemini, ollama; `feature` one of the columns
// below or any other word, which then becomes a column; `note` says why a result is not "ok" (else "").
//
// `--binary PATH` tries a compiled executable, `--check` writes nothing and fails where the document is out of date.
import { join } from "node:path";
import { runCell } from "../test/matrix/cell.ts";
import { versionOf } from "../test/matrix/driver.ts";
import { createDrivers } from "../test/matrix/drivers/index.ts";
import { featureChecks, features } from "../test/matrix/features.ts";
import { startMatrixRig, upstreams } from "../test/matrix/rig.ts";
import { projectRoot } from "./build/paths.ts";
import { compatibilityDocument } from "./compatibility/document.ts";
import { readRecorded, type CompatibilityResult } from "./compatibility/results.ts";

const documentPath = join(projectRoot, "docs", "compatibility.md");

async function tryClients(): Promise<CompatibilityResult[]> {
  const results: CompatibilityResult[] = [];
  await using rig = await startMatrixRig();
  for (const driver of createDrivers({ origin: rig.gateway.origin })) {
    const version = await versionOf(driver.package);
    for (const upstream of upstreams) {
      for (const feature of features.filter((name) => featureChecks[name].isOffered(driver))) {
        const { result, note } = await runCell(feature, { driver, upstream, rig });
        results.push({ client: driver.name, version, upstream: upstream.id, feature, result, note });
        if (result === "failed") console.error(`FAIL  ${driver.name}, ${upstream.name}, ${feature}: ${note}`);
      }
    }
  }
  return results;
}

function argument(name: string): string | undefined {
  const index = process.argv.indexOf(name);
  return index === -1 ? undefined : process.argv[index + 1];
}

const binary = argument("--binary");
if (binary !== undefined) process.env["ORCESTATOR_BINARY"] = binary;
const recorded = await readRecorded(join(projectRoot, "dist", "compatibility"));
const results = [...(await tryClients()), ...recorded];
const document = compatibilityDocument(results, upstreams);
const isCheck = process.argv.includes("--check");
const before = (await Bun.file(documentPath).exists()) ? await Bun.file(documentPath).text() : "";
console.log(document);
if (before !== document && isCheck)
  console.error("docs/compatibility.md is out of date. Run: bun scripts/compatibility.ts");
if (before !== document && !isCheck) await Bun.write(documentPath, document);
const count = (wanted: CompatibilityResult["result"]) => results.filter(({ result }) => result === wanted).length;
console.error(`${count("ok")} passed, ${count("explained")} explained, ${count("failed")} failed`);
process.exit(count("failed") > 0 || (isCheck && before !== document) ? 1 : 0);
