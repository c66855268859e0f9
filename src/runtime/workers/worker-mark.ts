/** Tells a process that it is a worker; only together with a connection to its parent. */
const mark = "ORCESTATOR_WORKER";

export function environmentOfWorkers(): Record<string, string | undefined> {
  return { ...process.env, [mark]: "1" };
}

/** Whether another process of this program has started this one as a worker. */
export function isWorker(): boolean {
  return process.env[mark] !== undefined && process.send !== undefined;
}
