import { GatewayError } from "../../errors.ts";
import { errorText } from "../../lib/error-text.ts";
import { documentsAndAudit } from "../sql/documents-and-audit.ts";
import type { Steps } from "../sql/steps.ts";
import type { Store } from "../store.ts";
import { isBusy, type Use } from "./connection.ts";
import { sqliteDialect } from "./dialect.ts";

interface SqliteDocumentsOptions {
  use: Use;
  now: () => number;
}

/** Another process writes its records meanwhile: its turn ends in milliseconds. */
const busyMs = 5000;
const pauseMs = 20;

function failure(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const message = `The database cannot be used: ${errorText(error)}. Try again.`;
  return new GatewayError({ code: "internal_error", status: 503, message, retryable: true, cause: error });
}

/** Waits for a lock without holding up the event loop. */
async function whenFree<Answer>(action: () => Answer): Promise<Answer> {
  const giveUpAt = performance.now() + busyMs;
  for (;;) {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw failure(error);
    }
    await Bun.sleep(pauseMs);
  }
}

export function sqliteDocuments({ use, now }: SqliteDocumentsOptions): Pick<Store, "documents" | "audit"> {
  const read = <Answer>(steps: () => Steps<Answer>) => whenFree(() => use((file) => file.read(steps())));
  const write = <Answer>(steps: () => Steps<Answer>) => whenFree(() => use((file) => file.write(steps())));
  return documentsAndAudit({ read, write, dialect: sqliteDialect, now });
}
