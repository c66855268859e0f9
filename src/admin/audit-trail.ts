import { callLater } from "../lib/call-later.ts";
import { errorText } from "../lib/error-text.ts";
import { createId } from "../lib/ids.ts";
import type { AuditLog, NewAuditEntry } from "../storage/audit-log.ts";

/** Who makes a change. */
export interface By {
  /** The id of a user or of a key, or `admin`. */
  readonly actor: string;
  /** What the user is called. */
  readonly name?: string;
  readonly address: string | undefined;
}

/** What was done to what. */
export interface Deed {
  /** `key.create` */
  readonly action: string;
  /** `key/key_…` */
  readonly subject: string;
  /** Without secrets; `undefined` = there was none. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Changes that were made are told to the audit log: at once, or as soon as it can be reached again. */
export interface AuditTrail {
  /** Never rejects: the change has been made. */
  tell(deed: Deed, by: By): Promise<void>;
  /** Entries that are still to be written. */
  pending(): number;
  /** Writes them now, if that can be done. Never rejects. */
  flush(): Promise<void>;
}

export interface AuditTrailOptions {
  audit: Pick<AuditLog, "append">;
  log: { warn(message: string): void };
  now?: () => number;
  /** Calls once, later. */
  later?: (milliseconds: number, ring: () => void) => void;
}

const againMs = 2000;
const mostPending = 10_000;

export function createAuditTrail({ audit, log, now = Date.now, later = callLater }: AuditTrailOptions): AuditTrail {
  const waiting: NewAuditEntry[] = [];
  let writing: Promise<void> | undefined;
  let isAlarmSet = false;
  /** Entries are listed by their time: each has one of its own. */
  let lastAt = 0;
  /** Entries that had no room, since the log could be written last. */
  let lost = 0;

  function again(error: unknown): void {
    if (isAlarmSet) return;
    const gone = lost === 0 ? "" : ` Lost for want of room: ${lost}.`;
    log.warn(
      `The audit log cannot be written: ${errorText(error)} ${waiting.length} entries wait; it is tried again.${gone}`,
    );
    isAlarmSet = true;
    later(againMs, () => {
      isAlarmSet = false;
      void flush();
    });
  }

  async function write(): Promise<void> {
    try {
      for (let [entry] = waiting; entry !== undefined; [entry] = waiting) {
        // Its id is known before: one whose answer was lost is not written twice.
        await audit.append(entry);
        waiting.shift();
      }
      if (lost > 0) log.warn(`The audit log is written again. Entries that are missing in it: ${lost}.`);
      lost = 0;
    } catch (error) {
      again(error);
    }
  }

  function makeRoom(): void {
    if (waiting.length <= mostPending) return;
    // The first one is not lost while it is being written.
    waiting.splice(writing === undefined ? 0 : 1, 1);
    lost += 1;
    if (lost === 1)
      log.warn(`More than ${mostPending} entries wait for the audit log: from now on the oldest are lost.`);
  }

  function flush(): Promise<void> {
    writing ??= write().finally(() => (writing = undefined));
    return writing;
  }

  return {
    async tell(deed, { actor, name, address }) {
      const at = Math.max(now(), lastAt + 1);
      lastAt = at;
      const told = { ...(name !== undefined && { name }), ...(address !== undefined && { address }) };
      const detail = Object.keys(told).length === 0 ? undefined : told;
      waiting.push({ id: createId("aud_", at), at, actor, ...deed, detail });
      makeRoom();
      await flush();
      // It may have come when the last one had just been written.
      if (waiting.length > 0 && !isAlarmSet) await flush();
    },
    pending: () => waiting.length,
    flush,
  };
}
