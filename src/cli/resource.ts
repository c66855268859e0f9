import type { z } from "zod";
import { withoutTokens } from "../keys/token.ts";
import { adminArguments, type AdminArguments, askAdmin } from "./admin-api.ts";
import { CliError, palette, print, printable, printJson, printNote, usageError } from "./output.ts";
import { outputWidth } from "./output-width.ts";
import type { TableLayout } from "./table-layout.ts";

/** What the command line knows of a kind of things that the admin API keeps. */
export interface CliResource<View> {
  /** `key`: below /api with an s, and in messages. */
  readonly word: string;
  readonly view: z.ZodType<View>;
  readonly page: z.ZodType<{ readonly data: readonly View[]; readonly cursor: string | null }>;
  table(views: readonly View[], layout: TableLayout): string;
  details(view: View, layout: Pick<TableLayout, "colors">): string;
}

export type Named = AdminArguments & { readonly id: string };

export const listArguments = {
  limit: { type: "string", valueHint: "number", default: "50", description: "How many at most" },
  cursor: { type: "string", valueHint: "id", description: "Where the page before ended" },
  ...adminArguments,
} as const;

type ListArguments = AdminArguments & { readonly limit: string; readonly cursor?: string | undefined };

export function notUnderstood(): CliError {
  return new CliError("the gateway's answer is not understood; is an Orcestator of this version there?");
}

export function readAnswer<View>(schema: z.ZodType<View>, body: unknown): View {
  const { success, data } = schema.safeParse(body);
  if (!success) throw notUnderstood();
  return data;
}

/** Asks for one thing, or for something to be done with it; advice where there is no such thing. */
export async function askFor(
  { word }: Pick<CliResource<unknown>, "word">,
  args: Named,
  { method, rest = "", body }: { method: "GET" | "POST" | "PATCH" | "DELETE"; rest?: string; body?: unknown },
): Promise<unknown> {
  // It would become part of a URL, which others write down.
  if (withoutTokens(args.id) !== args.id)
    throw usageError("this is a key itself and not its id, and was sent nowhere: `orcestator keys list` shows the ids");
  const path = `/api/${word}s/${encodeURIComponent(args.id)}${rest}`;
  const missing = `there is no ${word} ${printable(args.id)} here; \`orcestator ${word}s list\` shows those there are`;
  return askAdmin(args, { method, path, missing, ...(body === undefined ? {} : { body }) });
}

/** A page of them as a table; `query` is asked besides. */
export async function listThem<View>(
  resource: CliResource<View>,
  args: ListArguments,
  query: Readonly<Record<string, string | undefined>> = {},
): Promise<void> {
  const { word } = resource;
  const asked = Object.entries({ limit: args.limit, cursor: args.cursor, ...query });
  const given = asked.filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "");
  const body = await askAdmin(args, { method: "GET", path: `/api/${word}s?${new URLSearchParams(given).toString()}` });
  if (args.json === true) return printJson(body);
  const { data, cursor } = readAnswer(resource.page, body);
  if (data.length === 0) return print(`There are no ${word}s. Make one with: orcestator ${word}s create <name>`);
  print(resource.table(data, { width: outputWidth(process.stdout), colors: palette() }));
  if (cursor !== null) printNote(palette(process.stderr).gray(`There are more: --cursor ${cursor}`));
}

export async function showOne<View>(resource: CliResource<View>, args: Named): Promise<void> {
  const body = await askFor(resource, args, { method: "GET" });
  if (args.json === true) printJson(body);
  else print(resource.details(readAnswer(resource.view, body), { colors: palette() }));
}

/** Changes fields; `told` says in a line what became of it. */
export async function changeOne<View>(
  resource: CliResource<View>,
  args: Named,
  { fields, told }: { fields: Readonly<Record<string, unknown>>; told: (view: View) => string },
): Promise<void> {
  if (Object.keys(fields).length === 0)
    throw usageError(`say what to change: orcestator ${resource.word}s update --help shows what there is`);
  const body = await askFor(resource, args, { method: "PATCH", body: fields });
  if (args.json === true) printJson(body);
  else print(told(readAnswer(resource.view, body)));
}

export async function removeOne(resource: Pick<CliResource<unknown>, "word">, args: Named): Promise<void> {
  await askFor(resource, args, { method: "DELETE" });
  if (args.json === true) printJson({ id: args.id, deleted: true });
  else print(`${printable(args.id)} is deleted.`);
}
