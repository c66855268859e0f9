import { alarms } from "../../lib/alarms.ts";
import { createDialogue, type Dialogue, type DialogueOptions } from "../../lib/dialogue.ts";
import { ownArguments } from "../real-environment.ts";
import type { ParentSpeech, WorkerSpeech } from "./speech.ts";
import { environmentOfWorkers } from "./worker-mark.ts";

/** A worker, as its parent sees it. */
export interface WorkerProcess {
  readonly pid: number;
  readonly dialogue: Dialogue<ParentSpeech>;
  /** How it ended: `code 1`, `SIGKILL`. */
  readonly exited: Promise<{ readonly code: number | null; readonly how: string }>;
  kill(): void;
}

export type WorkerListener = Pick<DialogueOptions<WorkerSpeech>, "hears" | "answers">;

/** Starts this program once more, as a worker. */
export function startWorkerProcess({ hears, answers }: WorkerListener): WorkerProcess {
  const child = Bun.spawn([process.execPath, ...ownArguments()], {
    env: environmentOfWorkers(),
    stdio: ["ignore", "inherit", "inherit"],
    // Values may be undefined.
    serialization: "advanced",
    ipc: (batch) => dialogue.receive(batch),
  });
  const dialogue = createDialogue<ParentSpeech, WorkerSpeech>({
    send: (batch) => child.send(batch),
    hears,
    answers,
    after: (milliseconds, ring) => alarms.set(milliseconds, ring),
  });

  async function end(): Promise<{ code: number | null; how: string }> {
    await child.exited;
    dialogue.end();
    const { exitCode, signalCode } = child;
    return { code: exitCode, how: signalCode === null ? `code ${exitCode}` : String(signalCode) };
  }

  return { pid: child.pid, dialogue, exited: end(), kill: () => child.kill("SIGKILL") };
}
