import { GatewayError } from "../../src/errors.ts";
import type { AuditEntry, AuditLog } from "../../src/storage/audit-log.ts";
import type { DocumentChange, DocumentStore, StoredDocument } from "../../src/storage/document-store.ts";

/** What a store does wrong: it is out of reach, its answers are lost, or it never answers. */
export type StoreFault = "down" | "lost-answers" | "frozen";

export interface MemoryDocuments extends DocumentStore {
  /** From now on; `undefined` = nothing is wrong. */
  fault: StoreFault | undefined;
  /** Changes that were made. */
  readonly writes: number;
  /** Transactions that changed several at once. */
  readonly transactions: number;
  /** What it has now; called later, all is as it was then, as after a recovery to a point in time. */
  saved(): () => void;
}

export function outOfReach(): GatewayError {
  const message = "The database cannot be used: it is switched off. Try again.";
  return new GatewayError({ code: "internal_error", status: 503, message, retryable: true });
}

function conflict(): GatewayError {
  return new GatewayError({ code: "conflict", status: 409, message: "Somebody else has changed it." });
}

/** Documents in memory, shared by whoever holds them, that can be made to fail. */
export function createMemoryDocuments(now: () => number = Date.now): MemoryDocuments {
  const byPath = new Map<string, DocumentChange>();
  let fault: StoreFault | undefined;
  let version = 0;
  let writes = 0;
  let transactions = 0;

  const current = (kind: string, id: string): StoredDocument | undefined => {
    const found = byPath.get(`${kind}/${id}`);
    return found !== undefined && "value" in found ? structuredClone(found) : undefined;
  };

  async function answer<T>(work: () => T): Promise<T> {
    await Promise.resolve();
    if (fault === "frozen") await new Promise(() => undefined);
    if (fault === "down") throw outOfReach();
    const result = work();
    if (fault === "lost-answers") throw outOfReach();
    return result;
  }

  function change(path: {
    kind: string;
    id: string;
    expectedVersion?: number | undefined;
  }): StoredDocument | undefined {
    const found = current(path.kind, path.id);
    if (path.expectedVersion !== undefined && path.expectedVersion !== (found?.version ?? 0)) throw conflict();
    version += 1;
    writes += 1;
    return found;
  }

  return {
    get fault() {
      return fault;
    },
    set fault(next) {
      fault = next;
    },
    get writes() {
      return writes;
    },
    get transactions() {
      return transactions;
    },
    saved() {
      const state = structuredClone([...byPath]);
      const last = version;
      return () => {
        byPath.clear();
        for (const [path, one] of state) byPath.set(path, one);
        version = last;
      };
    },
    get: (kind, id) => answer(() => current(kind, id)),
    put: (document) =>
      answer(() => {
        change(document);
        const { kind, id } = document;
        const value: unknown = JSON.parse(JSON.stringify(document.value));
        byPath.set(`${kind}/${id}`, { kind, id, version, updatedAt: now(), value });
        return { kind, id, version, updatedAt: now(), value };
      }),
    update: ({ kind, ids, become }) =>
      answer(() => {
        const there = new Map<string, StoredDocument>();
        for (const id of ids) {
          const found = current(kind, id);
          const next = become(id, found);
          if (next !== undefined) {
            change({ kind, id });
            const value: unknown = JSON.parse(JSON.stringify(next));
            byPath.set(`${kind}/${id}`, { kind, id, version, updatedAt: now(), value });
          }
          const document = current(kind, id);
          if (document !== undefined) there.set(id, document);
        }
        transactions += 1;
        return there;
      }),
    remove: (named) =>
      answer(() => {
        const found = change(named);
        const { kind, id } = named;
        if (found !== undefined) byPath.set(`${kind}/${id}`, { kind, id, version, updatedAt: now(), isRemoved: true });
        return found !== undefined;
      }),
    list: (kind) =>
      answer(() =>
        [...byPath.values()]
          .filter((one): one is StoredDocument => one.kind === kind && "value" in one)
          .map((one) => structuredClone(one)),
      ),
    forgetRemoved: ({ version: since, before }) =>
      answer(() => {
        const old = [...byPath].filter(
          ([, one]) => "isRemoved" in one && one.version > since && one.updatedAt < before,
        );
        for (const [path] of old) byPath.delete(path);
        return { deleted: old.length, version, isLast: true };
      }),
    changesSince: (since) =>
      answer(() => {
        const changes = [...byPath.values()]
          .filter((one) => one.version > since)
          .sort((left, right) => left.version - right.version)
          .slice(0, 1000);
        return { changes: structuredClone(changes), version: changes.at(-1)?.version ?? since, newest: version };
      }),
  };
}

export interface MemoryAudit extends AuditLog {
  readonly entries: AuditEntry[];
  isDown: boolean;
}

/** An audit log in memory. */
export function createMemoryAudit(now: () => number = Date.now): MemoryAudit {
  const entries: AuditEntry[] = [];
  let isDown = false;
  return {
    entries,
    get isDown() {
      return isDown;
    },
    set isDown(next) {
      isDown = next;
    },
    async append(entry) {
      await Promise.resolve();
      if (isDown) throw outOfReach();
      const id = entry.id ?? `aud_${entries.length}`;
      const known = entries.find((one) => one.id === id);
      if (known !== undefined) return known;
      const { actor, action, subject, before, after, detail, at = now() } = entry;
      const added = { id, at, actor, action, subject, before, after, detail };
      entries.push(added);
      return added;
    },
    async deleteBefore(instant) {
      await Promise.resolve();
      const old = entries.filter(({ at }) => at < instant);
      for (const entry of old) entries.splice(entries.indexOf(entry), 1);
      return old.length;
    },
    async deletedNames(kind, ids) {
      await Promise.resolve();
      const deleted = entries.filter(({ action }) => action === `${kind}.delete`);
      const named = deleted.map(({ subject, before }): [string, string] => [
        subject.slice(kind.length + 1),
        (before as { name: string }).name,
      ]);
      return new Map(named.filter(([id]) => ids.includes(id)));
    },
    async list({ limit }) {
      await Promise.resolve();
      return { entries: entries.toReversed().slice(0, limit), cursor: undefined };
    },
  };
}
