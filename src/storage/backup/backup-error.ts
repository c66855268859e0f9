import { GatewayError } from "../../errors.ts";

/** A backup cannot be written or read, for people. */
export class BackupError extends GatewayError {
  constructor(message: string, cause?: unknown) {
    super({ code: "internal_error", status: 500, message, cause });
  }
}

/** What is wrong with a file that should be a backup; the message goes on from “it cannot be used: ”. */
export class DamagedBackup extends Error {}
