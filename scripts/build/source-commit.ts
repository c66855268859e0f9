import { projectRoot } from "./paths.ts";

/**
 * The commit that is being built, with `-dirty` when tracked or new files differ from it; `undefined` when there is none.
 * A copy without .git (a container build) says it through the environment variable ORCESTATOR_COMMIT.
 */
export function sourceCommit(): string | undefined {
  const told = process.env["ORCESTATOR_COMMIT"];
  if (told !== undefined && told !== "") return told;
  const head = git("rev-parse", "HEAD");
  if (head === undefined) return undefined;
  return git("status", "--porcelain") === "" ? head : `${head}-dirty`;
}

function git(...args: string[]): string | undefined {
  if (Bun.which("git") === null) return undefined;
  const child = Bun.spawnSync(["git", ...args], { cwd: projectRoot, stderr: "ignore" });
  return child.success ? child.stdout.toString().trim() : undefined;
}
