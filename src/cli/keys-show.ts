import { defineCommand } from "citty";
import { type IssuedKey, type KeyView, issuedKeySchema, keyViewSchema } from "../admin/contract/keys.ts";
import { parseDuration } from "../lib/duration.ts";
import { adminArguments, type AdminArguments, askAdmin } from "./admin-api.ts";
import { formatKey } from "./keys-format.ts";
import { CliError, palette, print, printable, printJson, printNote, usageError } from "./output.ts";

const id = { type: "positional", required: true, description: "Id of the key: key_…" } as const;

function pathOf(keyId: string, rest = ""): string {
  return `/api/keys/${encodeURIComponent(keyId)}${rest}`;
}

function notUnderstood(): CliError {
  return new CliError("the gateway's answer is not understood; is an Orcestator of this version there?");
}

function readKeyView(body: unknown): KeyView {
  const { data } = keyViewSchema.safeParse(body);
  if (data === undefined) throw notUnderstood();
  return data;
}

function readIssued(body: unknown): IssuedKey {
  const { data } = issuedKeySchema.safeParse(body);
  if (data === undefined) throw notUnderstood();
  return data;
}

function note(text: string): void {
  printNote(palette(process.stderr).gray(text));
}

/** The token alone on stdout, so that a script can take it. */
export function showIssued(body: unknown, { json }: AdminArguments): void {
  if (json === true) {
    printJson(body);
    return;
  }
  const { key, id, name } = readIssued(body);
  print(key);
  note(
    `This is the token of ${printable(name)} (${id}). It is shown this once and kept nowhere: put it in a safe place.`,
  );
}

async function change(args: AdminArguments & { id: string }, enabled: boolean): Promise<void> {
  const body = await askAdmin(args, { method: "PATCH", path: pathOf(args.id), body: { enabled } });
  if (args.json === true) return printJson(body);
  const { name, status } = readKeyView(body);
  print(`${printable(name)} (${args.id}) is ${status}.`);
}

export const show = defineCommand({
  meta: { name: "show", description: "Show one key, its limits, and what is spent of its budgets" },
  args: { id, ...adminArguments },
  async run({ args }) {
    const body = await askAdmin(args, { method: "GET", path: pathOf(args.id) });
    if (args.json === true) printJson(body);
    else print(formatKey(readKeyView(body), { colors: palette() }));
  },
});

export const rotate = defineCommand({
  meta: {
    name: "rotate",
    description: `Give a key another token

Examples:
  orcestator keys rotate key_… --grace 1h        the old token is taken for another hour`,
  },
  args: {
    id,
    grace: {
      type: "string",
      valueHint: "duration",
      description: "How long the old token is still taken (default: not)",
    },
    ...adminArguments,
  },
  async run({ args }) {
    const graceMs = args.grace === undefined ? 0 : parseDuration(args.grace);
    if (graceMs === undefined) throw usageError(`--grace ${args.grace ?? ""}: write a duration, e.g. 10m or 1h`);
    const sent = { graceSeconds: Math.ceil(graceMs / 1000) };
    showIssued(await askAdmin(args, { method: "POST", path: pathOf(args.id, "/rotate"), body: sent }), args);
  },
});

export const disable = defineCommand({
  meta: { name: "disable", description: "Take a key out of use; it can be enabled again" },
  args: { id, ...adminArguments },
  run: ({ args }) => change(args, false),
});

export const enable = defineCommand({
  meta: { name: "enable", description: "Take a disabled key into use again" },
  args: { id, ...adminArguments },
  run: ({ args }) => change(args, true),
});

export const remove = defineCommand({
  meta: { name: "delete", description: "Delete a key for good" },
  args: { id, ...adminArguments },
  async run({ args }) {
    await askAdmin(args, { method: "DELETE", path: pathOf(args.id) });
    if (args.json === true) printJson({ id: args.id, deleted: true });
    else print(`${printable(args.id)} is deleted.`);
  },
});
