import { defineCommand } from "citty";
import { adminArguments, askAdmin } from "./admin-api.ts";
import { keyFieldArguments, keyFieldsOf } from "./keys-fields.ts";
import { keyResource, showIssued } from "./keys-resource.ts";
import { usageError } from "./output.ts";
import { listArguments, listThem } from "./resource.ts";

export const list = defineCommand({
  meta: { name: "list", description: "List keys, the newest first" },
  args: { team: { type: "string", valueHint: "id", description: "Only keys of this team" }, ...listArguments },
  run: ({ args }) => listThem(keyResource, args, { team: args.team }),
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
