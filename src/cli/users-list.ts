import { defineCommand } from "citty";
import { type UserView, userPageSchema, userViewSchema } from "../admin/contract/users.ts";
import { adminArguments, type AdminArguments, askAdmin } from "./admin-api.ts";
import { readPassword } from "./read-password.ts";
import { type Column, palette, print, printable, printJson, table } from "./output.ts";
import { notUnderstood } from "./resource.ts";

/** All users, the newest first. */
export async function allUsers(args: AdminArguments): Promise<UserView[]> {
  const users: UserView[] = [];
  for (let query = "?limit=500"; ;) {
    const { data: page } = userPageSchema.safeParse(
      await askAdmin(args, { method: "GET", path: `/api/users${query}` }),
    );
    if (page === undefined) throw notUnderstood();
    users.push(...page.data);
    if (page.cursor === null) return users;
    query = `?limit=500&cursor=${encodeURIComponent(page.cursor)}`;
  }
}

/** What became of a user, in a line. */
export function showUser(body: unknown, { json }: AdminArguments): void {
  if (json === true) return printJson(body);
  const { data } = userViewSchema.safeParse(body);
  if (data === undefined) throw notUnderstood();
  const { name, id, role, enabled } = data;
  print(`${printable(name)} (${id}) is ${role}${enabled ? "" : ", and disabled"}.`);
}

export const list = defineCommand({
  meta: { name: "list", description: "List users, the newest first" },
  args: adminArguments,
  async run({ args }) {
    const users = await allUsers(args);
    if (args.json === true) return printJson(users);
    if (users.length === 0) return print("There are no users. Make one with: orcestator users create <name>");
    const columns: Column<UserView>[] = [
      { title: "ID", text: ({ id }) => id },
      { title: "NAME", text: ({ name }) => printable(name) },
      { title: "ROLE", text: ({ role }) => role },
      { title: "STATUS", text: ({ enabled }) => (enabled ? "active" : "disabled") },
      { title: "MADE", text: ({ createdAt }) => createdAt.slice(0, 10) },
    ];
    print(table(columns, users, palette()));
  },
});

export const create = defineCommand({
  meta: {
    name: "create",
    description: `Make a user

Examples:
  orcestator users create ann --role operator`,
  },
  args: {
    name: { type: "positional", required: true, description: "The name to log in with" },
    role: { type: "string", default: "viewer", valueHint: "role", description: "admin, operator or viewer" },
    ...adminArguments,
  },
  async run({ args }) {
    const { name, role } = args;
    const body = { name, role, password: await readPassword(`Password of ${printable(name)}:`) };
    showUser(await askAdmin(args, { method: "POST", path: "/api/users", body }), args);
  },
});
