import { adminTokenFor, type AdminAccess, tokenAdvice } from "./admin-token.ts";
import { configArgument } from "./config-argument.ts";
import { accessArguments } from "./gateway-arguments.ts";
import { gatewayUrl } from "./gateway-url.ts";
import { errorMessageIn, fetchJson, UnreachableError, type JsonReply, type JsonRequest } from "./http.ts";
import { CliError, printable } from "./output.ts";

/** The options of every command that asks a running gateway for what is its admin's. */
export const adminArguments = {
  ...accessArguments,
  ...configArgument,
  json: { type: "boolean", description: "Print JSON" },
} as const;

export interface AdminArguments extends AdminAccess {
  readonly json?: boolean | undefined;
}

interface AdminRequest {
  readonly method: NonNullable<JsonRequest["method"]>;
  readonly path: string;
  readonly body?: unknown;
  /** What to say where the gateway says that there is no such thing. */
  readonly missing?: string;
  /** How long the answer may take; 15 s unless told. */
  readonly timeoutMs?: number;
}

const usualTimeoutMs = 15_000;

function tokenFor(args: AdminArguments): string {
  const found = adminTokenFor(args);
  if (found !== undefined) return found;
  throw new CliError(`this is for those who look after the gateway: ${tokenAdvice}`);
}

async function reach(request: JsonRequest): Promise<JsonReply> {
  try {
    return await fetchJson(request);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    throw new CliError(`${error.message}; is the gateway running there?`);
  }
}

/** Asks a gateway's admin API; the body of its answer. Rejects with CliError in the gateway's own words. */
export async function askAdmin(
  args: AdminArguments,
  { method, path, body, missing, timeoutMs = usualTimeoutMs }: AdminRequest,
): Promise<unknown> {
  const url = gatewayUrl(args);
  const token = tokenFor(args);
  const reply = await reach({
    url: `${url}${path}`,
    method,
    token,
    timeoutMs,
    ...(body === undefined ? {} : { body }),
  });
  if (reply.status >= 200 && reply.status < 300) return reply.body;
  const told = errorMessageIn(reply);
  const message = told === undefined ? undefined : printable(told);
  if (reply.status === 401) throw new CliError(`${url} does not accept this admin token: ${message ?? "HTTP 401"}`);
  if (reply.status === 404 && message !== undefined && missing !== undefined) throw new CliError(missing);
  throw new CliError(message ?? `${url} answered HTTP ${reply.status}; is an Orcestator of this version there?`);
}
