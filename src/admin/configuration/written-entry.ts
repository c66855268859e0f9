import { fieldsIn, type OverlayEntry } from "../../config/overlay.ts";

/** Field → value, as a file would say it. */
export type Fields = Readonly<Record<string, unknown>>;

export type Named = Pick<OverlayEntry, "kind" | "name">;

/** An environment variable holds a list as one text. */
function withLists(fields: Fields): Fields {
  const { credentials } = fields;
  if (typeof credentials !== "string") return fields;
  const keys = credentials.split(",").map((key) => key.trim());
  return { ...fields, credentials: keys.filter((key) => key !== "") };
}

/** What was written of a provider, in one form. */
export function writtenForm(kind: OverlayEntry["kind"], fields: Fields): Fields {
  return kind === "provider" ? withLists(fields) : fields;
}

/** What a tree of the configuration says of an entry, with its secrets; `undefined` = nothing. */
export function writtenEntry(tree: Fields, entry: Named): Fields | undefined {
  const found = fieldsIn(tree, entry);
  return found && writtenForm(entry.kind, found);
}
