import { readEnvironment } from "../config/environment.ts";
import { ConfigError, loadConfig } from "../config/load.ts";
import { isPlainObject } from "../config/path.ts";
import { configArgument } from "./config-argument.ts";
import { configuredUrl } from "./gateway-url.ts";
import { fetchJson, httpUrl, UnreachableError, type JsonReply, type JsonRequest } from "./http.ts";
import { CliError, printable } from "./output.ts";

/** The options of every command that asks a running gateway for what is its admin's. */
export const adminArguments = {
  url: { type: "string", valueHint: "http://host:8000", description: "Gateway to ask (default: the configured one)" },
  token: {
    type: "string",
    valueHint: "token",
    description: "The gateway's admin token (default: AUTH_TOKEN, admin.token)",
  },
  ...configArgument,
  json: { type: "boolean", description: "Print JSON" },
} as const;

export interface AdminArguments {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
}

const timeoutMs = 15_000;

/** Of the configuration here; a gateway can be asked in spite of one that is broken. */
function configuredToken(configPath: string | undefined): string | undefined {
  try {
    return loadConfig({ configPath, needsCredential: false }).config.admin.token;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function tokenFor({ url, token, config }: AdminArguments): string {
  const found =
    token ??
    readEnvironment(process.cwd(), process.env).text("AUTH_TOKEN") ??
    // The token of the gateway here is nobody else's business.
    (url === undefined ? configuredToken(config) : undefined);
  if (found !== undefined && found !== "") return found;
  throw new CliError(
    "this is for the gateway's admin only: pass its admin token with --token, or set AUTH_TOKEN (setting admin.token) here and on the gateway",
  );
}

function messageIn({ body }: JsonReply): string | undefined {
  const error = isPlainObject(body) ? body["error"] : undefined;
  const message = isPlainObject(error) ? error["message"] : undefined;
  return typeof message === "string" ? printable(message) : undefined;
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
  { method, path, body }: { method: NonNullable<JsonRequest["method"]>; path: string; body?: unknown },
): Promise<unknown> {
  const token = tokenFor(args);
  const url = args.url === undefined ? configuredUrl({ configPath: args.config }) : httpUrl(args.url);
  const headers = { authorization: `Bearer ${token}` };
  const reply = await reach({
    url: `${url}${path}`,
    method,
    headers,
    timeoutMs,
    ...(body === undefined ? {} : { body }),
  });
  if (reply.status >= 200 && reply.status < 300) return reply.body;
  const message = messageIn(reply);
  if (reply.status === 401) throw new CliError(`${url} does not accept this admin token: ${message ?? "HTTP 401"}`);
  throw new CliError(message ?? `${url} answered HTTP ${reply.status}; is an Orcestator of this version there?`);
}
