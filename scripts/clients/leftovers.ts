import { findProcesses } from "../proof/find-processes.ts";

/** Ends what a client has left running in the background, known by the home folder that no other program has. */
export async function endProcessesOf(home: string): Promise<void> {
  if (process.platform !== "linux") return;
  for (const id of await findProcesses({ programName: "", variable: `HOME=${home}` })) {
    try {
      process.kill(id, "SIGKILL");
    } catch {
      // It ended by itself in between.
    }
  }
}
