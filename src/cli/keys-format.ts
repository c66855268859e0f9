import type { KeyView } from "../admin/contract/keys.ts";
import { budgetsText, limitsText } from "./bounds-text.ts";
import type { Column, Paint, Palette } from "./output.ts";
import { detailsTable, fittingTable, none, type TableLayout } from "./table-layout.ts";

function day(time: string | undefined): string {
  return time?.slice(0, 10) ?? none;
}

function statusPaint({ status }: KeyView, colors: Palette): Paint | undefined {
  return status === "active" ? undefined : colors.yellow;
}

/** `keys show` tells what had no room. */
const dispensable = ["KEY", "LIMITS", "EXPIRES"];

export function formatKeys(keys: readonly KeyView[], layout: TableLayout): string {
  const columns: Column<KeyView>[] = [
    { title: "ID", text: ({ id }) => id },
    { title: "NAME", text: ({ name }) => name, narrowest: 10 },
    { title: "KEY", text: ({ prefix }) => prefix },
    { title: "STATUS", text: ({ status }) => status, paint: (key) => statusPaint(key, layout.colors) },
    { title: "LIMITS", text: limitsText, narrowest: 8 },
    { title: "SPENT", text: budgetsText, narrowest: 12 },
    { title: "EXPIRES", text: ({ expiresAt }) => day(expiresAt) },
  ];
  return fittingTable(columns, keys, { ...layout, dispensable });
}

/** One key, a line for each thing that is set. */
export function formatKey(key: KeyView, layout: Pick<TableLayout, "colors">): string {
  const tags = Object.entries(key.tags ?? {}).map(([name, value]) => `${name}=${value}`);
  const fields = [
    ["id", key.id],
    ["name", key.name],
    ["key", key.prefix],
    ["status", key.status],
    ["created", key.createdAt],
    ["expires", key.expiresAt],
    ["old token until", key.previousUntil],
    ["team", key.teamId],
    ["models", key.models?.join(", ")],
    ["endpoints", key.endpoints?.join(", ")],
    ["addresses", key.addresses?.join(", ")],
    ["limits", limitsText(key)],
    ["spent", budgetsText(key)],
    ["priority", key.priority?.toString()],
    ["content kept", key.content],
    ["may steer", key.maySteer === undefined ? undefined : key.maySteer ? "yes" : "no"],
    ["tags", tags.length === 0 ? undefined : tags.join(", ")],
    ["version", String(key.version)],
  ] as const;
  return detailsTable(fields, layout);
}
