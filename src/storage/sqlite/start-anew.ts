import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { GatewayError } from "../../errors.ts";
import type { Loss } from "../loss.ts";
import { markLossSteps } from "../sql/loss.ts";
import { type Connection, inodeOf, isBusy, type OpenOptions, openConnection } from "./connection.ts";
import { sqliteDialect } from "./dialect.ts";
import { openReason } from "./open-failure.ts";
import { quarantine, removeLogs } from "./quarantine.ts";

export interface StartAnewOptions extends OpenOptions {
  onWarning: (message: string) => void;
  now: () => number;
}

const advice =
  "Keys that were issued before are not in it, and it lets nobody in without one: restore a backup " +
  "(orcestator restore <file> --force), issue keys anew, or set keys.reopen to true.";

/** Why there is none in its place, for people; time may mend it. */
function failure({ path, what }: { path: string; what: string }, error: unknown): unknown {
  if (error instanceof GatewayError || isBusy(error)) return error;
  const message = `${path} ${what}, and a new one cannot be started: ${openReason(path, error)}.`;
  return new GatewayError({ code: "internal_error", status: 503, message, retryable: true, cause: error });
}

/** A new file beside its place, whole and on the disk: whoever is cut off later leaves none that looks like a first one. */
function makeBeside({ path, now }: StartAnewOptions, loss: Loss): string {
  const beside = `${path}.new-${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  rmSync(beside, { force: true });
  removeLogs(beside);
  const connection = openConnection({ path: beside });
  try {
    connection.write(markLossSteps(loss, { dialect: sqliteDialect, now: now() }));
  } finally {
    connection.close();
  }
  return beside;
}

/** A damaged file, as far as it is still the one that was found to be. */
export interface Damaged {
  readonly inode: bigint | undefined;
  /** For people, behind its name. */
  readonly what: string;
}

/** Puts a damaged file aside, and a new one in its place. Throws GatewayError where that cannot be done. */
export function replaceDamaged(options: StartAnewOptions, { inode, what }: Damaged): void {
  const { path, onWarning } = options;
  try {
    const beside = makeBeside(options, "damaged");
    // Another worker may have met the same damage and put a new file in place by now.
    if (inodeOf(path) !== inode) {
      rmSync(beside);
      return;
    }
    const moved = quarantine(path);
    renameSync(beside, path);
    onWarning(`${path} ${what}: moved to ${moved}, a new one was started. ${advice}`);
  } catch (error) {
    throw failure({ path, what }, error);
  }
}

export interface GoneOptions extends StartAnewOptions {
  /** It knew of keys, or cannot be asked. */
  hadKeys: boolean;
  open: () => Connection;
}

/** Opens what is in the place of a file that is gone, and says whether that now tells of the loss. */
function openNext(options: GoneOptions): { connection: Connection; isMarked: boolean } {
  const { path, hadKeys, open, now } = options;
  const isStarted = hadKeys && !existsSync(path);
  if (isStarted) {
    const beside = makeBeside(options, "gone");
    removeLogs(path);
    renameSync(beside, path);
  }
  const connection = open();
  if (isStarted || !hadKeys) return { connection, isMarked: isStarted };
  try {
    // Somebody else may have started it, who knew nothing of the one before.
    return { connection, isMarked: connection.write(markLossSteps("gone", { dialect: sqliteDialect, now: now() })) };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Opens what is in the place of a file that is gone; a new one, where nothing is. Throws GatewayError where that cannot be done. */
export function openAfterGone(options: GoneOptions): Connection {
  const { path, onWarning } = options;
  const what = "was moved or removed while in use";
  const then = existsSync(path) ? "the file in its place is used" : "a new one was started";
  try {
    const { connection, isMarked } = openNext(options);
    onWarning(`${path} ${what}: ${then}.${isMarked ? ` ${advice}` : ""}`);
    return connection;
  } catch (error) {
    throw failure({ path, what }, error);
  }
}
