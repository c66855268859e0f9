import { defineCommand } from "citty";
import { keyPageSchema } from "../admin/contract/keys.ts";
import { adminArguments, askAdmin } from "./admin-api.ts";
import { keyFieldArguments, keyFieldsOf } from "./keys-fields.ts";
import { formatKeys } from "./keys-format.ts";
import { showIssued } from "./keys-show.ts";
import { CliError, palette, print, printJson, printNote, usageError } from "./output.ts";
import { outputWidth } from "./output-width.ts";

function show(body: unknown): void {
  const { data: page } = keyPageSchema.safeParse(body);
  if (page === undefined)
    throw new CliError("the gateway's answer is not understood; is an Orcestator of this version there?");
  if (page.data.length === 0) {
    print("There are no keys. Make one with: orcestator keys create <name>");
    return;
  }
  print(formatKeys(page.data, { width: outputWidth(process.stdout), colors: palette() }));
  if (page.cursor !== null) printNote(palette(process.stderr).gray(`There are more: --cursor ${page.cursor}`));
}

export const list = defineCommand({
  meta: { name: "list", description: "List keys, the newest first" },
  args: {
    limit: { type: "string", valueHint: "number", default: "50", description: "How many at most" },
    cursor: { type: "string", valueHint: "id", description: "Where the page before ended" },
    team: { type: "string", valueHint: "id", description: "Only keys of this team" },
    ...adminArguments,
  },
  async run({ args }) {
    const { limit, cursor, team } = args;
    const query = new URLSearchParams({ limit, ...(cursor && { cursor }), ...(team && { team }) });
    const body = await askAdmin(args, { method: "GET", path: `/api/keys?${query.toString()}` });
    if (args.json === true) printJson(body);
    else show(body);
  },
});

export const create = defineCommand({
  meta: {
    name: "create",
    description: `Make a key; its token is shown once

Examples:
  orcestator keys create alice
  orcestator keys create ci --models 'gpt-*' --rpm 60 --budget 10/day,100/month --expires 90d`,
  },
  args: {
    label: { type: "positional", required: false, description: "Its name: whose key it is, or for what" },
    name: { type: "string", valueHint: "text", description: "The same as an option" },
    ...keyFieldArguments,
    ...adminArguments,
  },
  async run({ args }) {
    const name = args.name ?? args.label;
    if (name === undefined || name === "") throw usageError("say whose key it is: orcestator keys create <name>");
    const body = { name, ...keyFieldsOf(args) };
    showIssued(await askAdmin(args, { method: "POST", path: "/api/keys", body }), args);
  },
});
