// `bun run build [target…]`: executables, their checksums and the list of what is inside, in dist/.
import { mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { compile } from "./build/compile.ts";
import { distFolder, projectRoot } from "./build/paths.ts";
import { createSbom } from "./build/sbom.ts";
import { sha256 } from "./build/sha256.ts";
import { sourceCommit } from "./build/source-commit.ts";
import { type BuildTarget, buildTargets, findBuildTarget, hostBuildTarget } from "./build/targets.ts";

const usage = `Usage: bun run build [target…]

Builds every target, or those named: ${buildTargets.map((target) => target.name).join(" ")}
('host' is the one this machine runs). Puts executables, SHA256SUMS and orcestator.cdx.json (SBOM) of this run into dist/.`;

async function build(targets: readonly BuildTarget[]): Promise<void> {
  const commit = sourceCommit();
  console.log(`Building ${commit === undefined ? "without a commit" : `commit ${commit}`} with Bun ${Bun.version}`);
  await mkdir(distFolder, { recursive: true });
  await rm(join(distFolder, "SHA256SUMS"), { force: true });
  const entrypoint = join(projectRoot, "src", "main.ts");
  const paths: string[] = [];
  const bundledModules = new Set<string>();
  for (const target of targets) {
    const startedAt = performance.now();
    const { path, inputs } = await compile({ target, entrypoint, outputFolder: distFolder, commit });
    paths.push(path);
    for (const input of inputs) bundledModules.add(input);
    const megabytes = (Bun.file(path).size / 1e6).toFixed(1);
    console.log(`  dist/${basename(path)}  ${megabytes} MB  ${Math.round(performance.now() - startedAt)} ms`);
  }
  const sbom = join(distFolder, "orcestator.cdx.json");
  await Bun.write(sbom, `${JSON.stringify(await createSbom(bundledModules), undefined, 2)}\n`);
  await writeChecksums([...paths, sbom]);
}

async function writeChecksums(paths: readonly string[]): Promise<void> {
  const lines: string[] = [];
  for (const path of paths) lines.push(`${await sha256(path)}  ${basename(path)}\n`);
  await Bun.write(join(distFolder, "SHA256SUMS"), lines.join(""));
}

function chosenTargets(names: readonly string[]): readonly BuildTarget[] {
  if (names.length === 0) return buildTargets;
  return names.map((name) => (name === "host" ? hostBuildTarget() : findBuildTarget(name)));
}

const names = process.argv.slice(2);
if (names.includes("--help")) {
  console.log(usage);
  process.exit(0);
}
try {
  await build(chosenTargets(names));
} catch (error) {
  console.error(error instanceof AggregateError ? error.errors.map(String).join("\n") : String(error));
  process.exit(1);
}
