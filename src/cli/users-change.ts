import { defineCommand } from "citty";
import { adminArguments, type AdminArguments, askAdmin } from "./admin-api.ts";
import { CliError, print, printable, printJson } from "./output.ts";
import { readPassword } from "./read-password.ts";
import { allUsers, showUser } from "./users-list.ts";

const user = { type: "positional", required: true, description: "Name or id of the user" } as const;

type Named = AdminArguments & { readonly user: string };

async function idOf(args: Named): Promise<string> {
  if (args.user.startsWith("user_")) return args.user;
  const wanted = args.user.toLowerCase();
  const found = (await allUsers(args)).find(({ name }) => name.toLowerCase() === wanted);
  if (found !== undefined) return found.id;
  throw new CliError(`there is no user ${printable(args.user)}; \`orcestator users list\` shows those there are`);
}

async function change(args: Named, body: object): Promise<void> {
  const path = `/api/users/${encodeURIComponent(await idOf(args))}`;
  showUser(await askAdmin(args, { method: "PATCH", path, body }), args);
}

export const password = defineCommand({
  meta: { name: "password", description: "Give a user another password; their sessions end" },
  args: { user, ...adminArguments },
  run: async ({ args }) => change(args, { password: await readPassword(`New password of ${printable(args.user)}:`) }),
});

export const role = defineCommand({
  meta: { name: "role", description: "Give a user another role" },
  args: {
    user,
    role: { type: "positional", required: true, description: "admin, operator or viewer" },
    ...adminArguments,
  },
  run: ({ args }) => change(args, { role: args.role }),
});

export const disable = defineCommand({
  meta: { name: "disable", description: "Let a user log in no more; their sessions end" },
  args: { user, ...adminArguments },
  run: ({ args }) => change(args, { enabled: false }),
});

export const enable = defineCommand({
  meta: { name: "enable", description: "Let a disabled user log in again" },
  args: { user, ...adminArguments },
  run: ({ args }) => change(args, { enabled: true }),
});

export const remove = defineCommand({
  meta: { name: "delete", description: "Delete a user for good; their sessions end" },
  args: { user, ...adminArguments },
  async run({ args }) {
    const id = await idOf(args);
    await askAdmin(args, { method: "DELETE", path: `/api/users/${encodeURIComponent(id)}` });
    if (args.json === true) printJson({ id, deleted: true });
    else print(`${printable(args.user)} is deleted.`);
  },
});
