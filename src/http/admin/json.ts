import type { z } from "zod";
import { readInput } from "../../admin/read-input.ts";
import { GatewayError, invalidRequest } from "../../errors.ts";
import { type BodyLimits, readBody } from "../body.ts";
import type { RouteParts } from "../route-parts.ts";

const controls = /\p{Cc}/u;

/** No change to a single thing needs more. */
const usualBytes = 1024 * 1024;

/** Where a body is bounded by less than the setting, raising that would not help. */
function bodyLimits({ maxBodyBytes, bodyTimeout: timeoutMs }: RouteParts["server"], mostBytes: number): BodyLimits {
  if (maxBodyBytes <= mostBytes) return { maxBytes: maxBodyBytes, timeoutMs };
  return { maxBytes: mostBytes, timeoutMs, limit: "this path's own, and no setting changes it" };
}

/** An answer that nobody may keep: it may hold a secret. */
export function json(view: unknown, status = 200): Response {
  return Response.json(view, { status, headers: { "cache-control": "no-store" } });
}

/** The body as a schema reads it; an empty one is an empty object. Rejects with GatewayError (400, 408, 413 …). */
export async function readJson<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  { server }: Pick<RouteParts, "server">,
  mostBytes = usualBytes,
): Promise<z.output<Schema>> {
  const text = Buffer.from(await readBody(request, bodyLimits(server, mostBytes))).toString("utf8");
  let value: unknown = {};
  try {
    if (text.trim() !== "") value = JSON.parse(text);
  } catch {
    throw invalidRequest("The request body is not valid JSON.");
  }
  return readInput(schema, value);
}

/** The query as a schema reads it. Throws GatewayError (400). */
export function readQuery<Schema extends z.ZodType>(request: Request, schema: Schema): z.output<Schema> {
  // A key may be presented there, unless the word means something else to this route.
  const isPresented = !("shape" in schema && typeof schema.shape === "object" && "key" in (schema.shape ?? {}));
  const pairs = [...new URL(request.url).searchParams].filter(([name]) => name !== "key" || !isPresented);
  // No value that is looked for has any, and a database may take them for a failure of its own.
  const [wrong] = pairs.find(([, value]) => controls.test(value)) ?? [];
  if (wrong !== undefined)
    throw invalidRequest(`\`${wrong.slice(0, 100)}\` must not have control characters.`, wrong.slice(0, 100));
  return readInput(schema, Object.fromEntries(pairs));
}

export function noDatabase(what: string): GatewayError {
  const message = `${what} are kept in a database, and this gateway has none: set storage.url (OR_DB_PATH=data/orcestator.db, or DATABASE_URL), and start it again.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}
