import { parseDuration } from "../lib/duration.ts";
import { boundArguments, boundsOf, clearableBounds, givenOnly, listOf, numberOf } from "./bound-fields.ts";
import { usageError } from "./output.ts";

/** What a key may have, as the command line names it. */
export const keyFieldArguments = {
  ...boundArguments,
  endpoints: {
    type: "string",
    valueHint: "chat,embeddings",
    description:
      "What it may be used for: chat, embeddings, images, audio, moderations, rerank, count_tokens, opaque (default: all but the last)",
  },
  addresses: { type: "string", valueHint: "10.0.0.0/8", description: "Addresses it may be used from" },
  expires: { type: "string", valueHint: "when", description: "A duration (30d) or a date (2026-12-31)" },
  team: { type: "string", valueHint: "id", description: "The team it belongs to" },
  priority: { type: "string", valueHint: "number", description: "Place in queues: higher goes first (default: 0)" },
  content: { type: "string", valueHint: "policy", description: "What is kept of its texts: full, none, truncate:N" },
  maySteer: { type: "boolean", description: "x-orcestator-* headers of its requests count" },
  tags: { type: "string", valueHint: "a=b,c=d", description: "Notes of your own" },
} as const;

/** The flags of `--clear`, and the fields they stand for. */
export const clearableOfKeys = {
  ...clearableBounds,
  endpoints: "endpoints",
  addresses: "addresses",
  expires: "expiresAt",
  team: "teamId",
  priority: "priority",
  content: "content",
  "may-steer": "maySteer",
  tags: "tags",
} as const;

export type KeyFieldArguments = Readonly<
  Partial<Record<Exclude<keyof typeof keyFieldArguments, "maySteer">, string | undefined>> & {
    maySteer?: boolean | undefined;
  }
>;

/** ISO time of a duration from now, or of a date: midnight of the machine's own time zone. */
function expiryOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const duration = parseDuration(text);
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const time = duration === undefined ? Date.parse(isDay ? `${text}T00:00:00` : text) : Date.now() + duration;
  if (duration !== undefined || (/^\d{4}-/.test(text) && !Number.isNaN(time))) return new Date(time).toISOString();
  throw usageError(`--expires ${text}: write a duration (30d) or a date (2026-12-31)`);
}

function tagsOf(text: string | undefined): Record<string, string> | undefined {
  const parts = listOf(text)?.map((part) => {
    const [name = "", ...value] = part.split("=");
    if (name === "" || value.length === 0) throw usageError(`--tags ${part}: write name=value`);
    return [name, value.join("=")] as const;
  });
  return parts && Object.fromEntries(parts);
}

/** The fields that were given. Throws CliError for one that makes no sense. */
export function keyFieldsOf(args: KeyFieldArguments): Record<string, unknown> {
  return givenOnly({
    ...boundsOf(args),
    endpoints: listOf(args.endpoints),
    addresses: listOf(args.addresses),
    expiresAt: expiryOf(args.expires),
    teamId: args.team,
    priority: numberOf("priority", args.priority),
    content: args.content,
    maySteer: args.maySteer,
    tags: tagsOf(args.tags),
  });
}
