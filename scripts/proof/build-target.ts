import { join } from "node:path";
import { distFolder, projectRoot } from "../build/paths.ts";
import { artifactName, findBuildTarget } from "../build/targets.ts";

/** Builds one target from the present sources and resolves to its path in dist/. */
export async function buildTarget(name: string): Promise<string> {
  const build = Bun.spawn([process.execPath, join(projectRoot, "scripts", "build.ts"), name], {
    cwd: projectRoot,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await build.exited) !== 0) throw new Error(`The build of ${name} failed.`);
  return join(distFolder, artifactName(findBuildTarget(name)));
}
