import { GatewayError } from "../../errors.ts";
import { errorCode } from "../../lib/error-code.ts";
import { errorText } from "../../lib/error-text.ts";

/** How an engine's errors are told apart, by the number or SQLSTATE that its server sent. */
export interface ServerErrors {
  /** What was sent cannot be stored, however often it is tried. */
  readonly isRefusedData: (code: string) => boolean;
  /** Two transactions were in each other's way; tried again, one after the other, both succeed. */
  readonly isContention: (code: string) => boolean;
  /** A wrong password, an unknown database, a right that is missing. */
  readonly isRefusedAccess: (code: string) => boolean;
}

/** A failure of a database server. `retryable` = time may mend it; the same call may be made again. */
export class ServerFailure extends GatewayError {
  /** Whether trying again at once makes sense. */
  readonly isContention: boolean;

  constructor(message: string, options: { retryable: boolean; isContention?: boolean; cause?: unknown }) {
    super({ code: "internal_error", status: 503, message, retryable: options.retryable, cause: options.cause });
    this.isContention = options.isContention ?? false;
  }
}

/** Time does not mend it: a gateway that starts must not go on with this database. One that runs waits for its owner. */
export class DatabaseRefused extends ServerFailure {
  constructor(message: string, cause?: unknown) {
    super(message, { retryable: true, cause });
  }
}

/** What the server itself has sent; other errors have numbers of their own. */
function serverCodeOf(error: unknown): string | undefined {
  if (!errorCode(error).endsWith("SERVER_ERROR")) return undefined;
  const code = error instanceof Error && "errno" in error ? error.errno : undefined;
  return typeof code === "string" || typeof code === "number" ? String(code) : undefined;
}

const reasons: readonly (readonly [RegExp, string])[] = [
  [/CONNECTION_REFUSED/, "nothing answers there"],
  [/CONNECTION_TIMEOUT/, "it does not answer"],
  [/CONNECTION_CLOSED|ABORT/, "the connection was cut"],
  [/TLS|SSL|CERT|VERIFY|ISSUER/, "no secure connection can be made (sslmode, sslrootcert)"],
  [/AUTHENTICATION|PASSWORD|SASL/, "it does not accept this user and password, or not without TLS"],
];

const toMend = "Check the user, password and database in storage.url (DATABASE_URL), and the user's rights to it.";

/** Why, in a few words. What a server says of data may quote what people wrote, so that is left out. */
function reasonOf(error: unknown, errors: ServerErrors): string {
  const server = serverCodeOf(error);
  if (server !== undefined) {
    return errors.isRefusedData(server)
      ? `it refused a value (${server})`
      : `${errorText(error).slice(0, 200)} (${server})`;
  }
  const driver = errorCode(error);
  const known = reasons.find(([pattern]) => pattern.test(driver))?.[1];
  return known ?? errorText(error).slice(0, 200);
}

/** What the driver threw, as the house knows it; anything else as it is. `address` is shown, so it has no password in it. */
export function serverFailure(error: unknown, { address, errors }: { address: string; errors: ServerErrors }): unknown {
  if (error instanceof GatewayError || errorCode(error) === "") return error;
  const code = serverCodeOf(error);
  const isData = code !== undefined && errors.isRefusedData(code);
  const message = `The database ${address} cannot be used: ${reasonOf(error, errors)}.`;
  if (code !== undefined && errors.isRefusedAccess(code)) return new DatabaseRefused(`${message} ${toMend}`, error);
  return new ServerFailure(message, {
    retryable: !isData,
    isContention: code !== undefined && errors.isContention(code),
    cause: error,
  });
}
