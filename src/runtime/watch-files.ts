import { stat } from "node:fs/promises";

export interface WatchOptions {
  /** Absolute paths, those of files that are not there yet among them; asked before every look. */
  files: () => readonly string[];
  /** The files differ from what they were at the last call, and have not changed between two looks. */
  onChange: () => void;
  everyMs?: number;
}

export interface FileWatch {
  /** Looks now. Looks come by themselves as well, never two at a time. */
  look(): Promise<void>;
  stop(): void;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unreadable";
}

/** Follows symbolic links: Kubernetes swaps a link to a folder, so that all that changes is which file is found. */
async function signatureOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return `${path} ${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch (error) {
    return `${path} ${codeOf(error)}`;
  }
}

/**
 * Looks at files every second, which works on every file system and however an editor writes (in place, by a new file
 * under the old name, by a link). The first two looks always end in one call: what changed since the files were read is
 * not missed.
 */
export function watchFiles({ files, onChange, everyMs = 1000 }: WatchOptions): FileWatch {
  let told: string | undefined;
  let seen: string | undefined;
  let timer: Timer | undefined;
  let looking: Promise<void> | undefined;
  let isStopped = false;

  async function compare(): Promise<void> {
    const signatures = await Promise.all(files().map(signatureOf));
    const now = signatures.join("\n");
    const isSettled = now === seen;
    seen = now;
    if (isStopped || !isSettled || now === told) return;
    told = now;
    onChange();
  }

  function look(): Promise<void> {
    looking ??= compare().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  function arm(): void {
    timer = setTimeout(() => void look().finally(() => isStopped || arm()), everyMs);
    timer.unref();
  }

  arm();
  return {
    look,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
