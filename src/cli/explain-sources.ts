import { isPlainObject } from "../config/path.ts";
import { readStoredRequest } from "../storage/databases.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { recordOfView } from "../telemetry/request-view.ts";
import { tokenAdvice } from "./admin-token.ts";
import { errorMessageIn, fetchJson, UnreachableError } from "./http.ts";
import { CliError } from "./output.ts";
import { type ReadableDatabase, readFrom } from "./readable-database.ts";

/** An id as `x-request-id` tells it, or the request that ended last. */
export type Wanted = { id: string } | "last";

export interface GatewayQuestion {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string | undefined;
  readonly timeoutMs: number;
}

async function ask({ url, token, timeoutMs }: GatewayQuestion, path: string): Promise<unknown> {
  const reply = await fetchJson({ url: `${url}${path}`, token, timeoutMs });
  const { status, body } = reply;
  if (status === 200) return body;
  if (status === 401 || status === 403) {
    const advice =
      token === undefined
        ? tokenAdvice
        : `it does not accept this token (${errorMessageIn(reply) ?? "admin.token, AUTH_TOKEN"})`;
    throw new CliError(`${url} answered ${status}: ${advice}`);
  }
  throw new CliError(
    `${url} answered ${status}: ${errorMessageIn(reply) ?? "no Orcestator that can tell of requests"}`,
  );
}

async function newestId(question: GatewayQuestion): Promise<string> {
  const body = await ask(question, "/api/requests?limit=1");
  const rows: unknown = isPlainObject(body) ? body["data"] : undefined;
  if (!Array.isArray(rows)) throw new UnreachableError(`${question.url} tells of no requests; is that the gateway?`);
  const newest: unknown = rows[0];
  const id = isPlainObject(newest) ? newest["id"] : undefined;
  if (typeof id !== "string") throw new CliError(`${question.url} has ended no request since its start`);
  return id;
}

/** Asks a running gateway. Throws CliError with the reason when it does not tell of the request. */
export async function askGateway(question: GatewayQuestion, wanted: Wanted): Promise<RequestRecord> {
  const id = wanted === "last" ? await newestId(question) : wanted.id;
  const record = recordOfView(await ask(question, `/api/requests/${encodeURIComponent(id)}`));
  if (record !== undefined) return record;
  throw new UnreachableError(`${question.url} gave no request in a form that is known here; is that the gateway?`);
}

/** Looks into an audit database. Throws CliError with the reason when the request is not there. */
export async function readDatabase(database: ReadableDatabase, wanted: Wanted): Promise<RequestRecord> {
  const record = await readFrom(database, (url) => readStoredRequest(url, wanted));
  if (record !== undefined) return record;
  if (wanted === "last") throw new CliError(`there is no request in ${database.name}`);
  throw new CliError(
    `there is no request ${wanted.id} in ${database.name}: it went through another gateway, is still running, or was refused before a model was asked for`,
  );
}
