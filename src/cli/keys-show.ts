import { defineCommand } from "citty";
import { longestGraceSeconds } from "../admin/contract/keys.ts";
import { formatDuration, parseDuration } from "../lib/duration.ts";
import { adminArguments } from "./admin-api.ts";
import { clearArgument, clearedOf } from "./bound-fields.ts";
import { clearableOfKeys, keyFieldArguments, keyFieldsOf } from "./keys-fields.ts";
import { keyResource, showIssued } from "./keys-resource.ts";
import { printable, usageError } from "./output.ts";
import { askFor, changeOne, type Named, removeOne, showOne } from "./resource.ts";

const id = { type: "positional", required: true, description: "Id of the key: key_…" } as const;

function change(args: Named, fields: Readonly<Record<string, unknown>>): Promise<void> {
  return changeOne(keyResource, args, {
    fields,
    told: ({ name, id: own, status }) => `${printable(name)} (${own}) is ${status}.`,
  });
}

export const show = defineCommand({
  meta: { name: "show", description: "Show one key, its limits, and what is spent of its budgets" },
  args: { id, ...adminArguments },
  run: ({ args }) => showOne(keyResource, args),
});

export const update = defineCommand({
  meta: {
    name: "update",
    description: `Change what a key may have; what is left out stays

Examples:
  orcestator keys update key_… --rpm 120 --budget 20/day
  orcestator keys update key_… --clear expires,models`,
  },
  args: {
    id,
    name: { type: "string", valueHint: "text", description: "Another name" },
    ...keyFieldArguments,
    ...clearArgument,
    ...adminArguments,
  },
  run: ({ args }) => {
    const name = args.name === undefined ? {} : { name: args.name };
    return change(args, { ...clearedOf(args.clear, clearableOfKeys), ...name, ...keyFieldsOf(args) });
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
    const graceSeconds = Math.ceil(graceMs / 1000);
    if (graceSeconds > longestGraceSeconds)
      throw usageError(`--grace ${args.grace ?? ""}: at most ${formatDuration(longestGraceSeconds * 1000)}`);
    const body = { graceSeconds };
    showIssued(await askFor(keyResource, args, { method: "POST", rest: "/rotate", body }), args);
  },
});

export const disable = defineCommand({
  meta: { name: "disable", description: "Take a key out of use; it can be enabled again" },
  args: { id, ...adminArguments },
  run: ({ args }) => change(args, { enabled: false }),
});

export const enable = defineCommand({
  meta: { name: "enable", description: "Take a disabled key into use again" },
  args: { id, ...adminArguments },
  run: ({ args }) => change(args, { enabled: true }),
});

export const remove = defineCommand({
  meta: { name: "delete", description: "Delete a key for good" },
  args: { id, ...adminArguments },
  run: ({ args }) => removeOne(keyResource, args),
});
