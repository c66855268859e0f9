import { randomBytes } from "node:crypto";
import { isPlainObject } from "../../config/path.ts";
import { GatewayError } from "../../errors.ts";
import { againOnConflict } from "../again-on-conflict.ts";
import type { AdminDocuments } from "../documents.ts";

/**
 * Runs work while no other of its kind runs at any gateway of the database, so that what it reads first still holds when it
 * writes. Rejects as the work does, and with GatewayError: 409 when others were busy for too long, 503.
 */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

export interface TurnsOptions {
  readonly documents: Pick<AdminDocuments, "get" | "put">;
  /** Of this kind of work. */
  readonly name: string;
  readonly now: () => number;
}

const kind = "turn";
/** Work takes a few queries; whoever was killed meanwhile holds up others no longer than this. */
const longestMs = 10_000;
const patienceMs = 12_000;

interface Turn {
  readonly holder: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

function readTurn(value: unknown): Turn | undefined {
  if (!isPlainObject(value)) return undefined;
  const { holder, until } = value;
  return typeof holder === "string" && typeof until === "number" ? { holder, until } : undefined;
}

function busy(name: string): GatewayError {
  const message = `Somebody else is changing ${name} at this moment: try again.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}

export function createTurns({ documents, name, now }: TurnsOptions): InTurn {
  const holder = randomBytes(9).toString("base64url");
  let last: Promise<unknown> = Promise.resolve();

  /** The version of the turn that was taken. */
  async function take(): Promise<number> {
    const found = await documents.get(kind, name);
    const before = readTurn(found?.value);
    if (before !== undefined && before.holder !== holder && before.until > now()) throw busy(name);
    const value: Turn = { holder, until: now() + longestMs };
    const { version } = await documents.put({ kind, id: name, value, expectedVersion: found?.version ?? 0 });
    return version;
  }

  /** Where that does not succeed the turn ends by itself. */
  async function end(version: number): Promise<void> {
    const value: Turn = { holder, until: 0 };
    await documents.put({ kind, id: name, value, expectedVersion: version }).catch(() => undefined);
  }

  async function alone<T>(work: () => Promise<T>): Promise<T> {
    const version = await againOnConflict(take, { forMs: patienceMs });
    try {
      return await work();
    } finally {
      await end(version);
    }
  }

  return (work) => {
    const turn = last.then(() => alone(work));
    last = turn.catch(() => undefined);
    return turn;
  };
}
