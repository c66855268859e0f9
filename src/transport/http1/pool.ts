import { alarms } from "../../lib/alarms.ts";
import type { Connection } from "./connection.ts";

interface Idle {
  connection: Connection;
  since: number;
}

export interface Pool {
  /** The connection that came back last: the least likely to be dead. */
  take(): Connection | undefined;
  /** False when there are enough. */
  put(connection: Connection): boolean;
  remove(connection: Connection): void;
  size(): number;
  closeAll(): void;
}

/** Connections that wait for their next request; closed when none comes for `idleMs`. */
export function createPool(most: number, idleMs: number): Pool {
  /** The longest idle first. */
  const idle: Idle[] = [];
  let callOff: (() => void) | undefined;

  function sweep(): void {
    callOff = undefined;
    const now = performance.now();
    const firstYoung = idle.findIndex(({ since }) => now - since < idleMs);
    const old = idle.splice(0, firstYoung === -1 ? idle.length : firstYoung);
    watch(now);
    for (const { connection } of old) connection.close();
  }

  /** One alarm for all: it is set again for the one that is due next. */
  function watch(now: number): void {
    const [oldest] = idle;
    if (callOff === undefined && oldest !== undefined) callOff = alarms.set(oldest.since + idleMs - now, sweep);
  }

  return {
    take: () => idle.pop()?.connection,
    put(connection) {
      if (idle.length >= most) return false;
      const since = performance.now();
      idle.push({ connection, since });
      watch(since);
      return true;
    },
    remove(connection) {
      const index = idle.findIndex((entry) => entry.connection === connection);
      if (index !== -1) idle.splice(index, 1);
    },
    size: () => idle.length,
    closeAll() {
      callOff?.();
      callOff = undefined;
      for (const { connection } of idle.splice(0)) connection.close();
    },
  };
}
