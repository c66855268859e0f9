import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

interface ProcessDescription {
  /** End of the path that it was started as. */
  programName: string;
  /** `NAME=value` that stands in its environment and in no other program's. */
  variable: string;
}

/** Process ids on this Linux machine. */
export async function findProcesses({ programName, variable }: ProcessDescription): Promise<number[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const id of ids) {
    const [commandLine, environment] = await Promise.all([readProc(id, "cmdline"), readProc(id, "environ")]);
    const isOurs = environment.split("\0").includes(variable);
    if (isOurs && commandLine.split("\0")[0]?.endsWith(programName) === true) found.push(Number(id));
  }
  return found;
}

/** Empty when the process is gone or not ours to read. */
function readProc(id: string, file: string): Promise<string> {
  return readFile(join("/proc", id, file), "utf8").catch(() => "");
}
