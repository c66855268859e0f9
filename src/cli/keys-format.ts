import type { KeyView } from "../admin/contract/keys.ts";
import { fitColumns } from "./fit-columns.ts";
import { type Column, type Paint, type Palette, table } from "./output.ts";

export interface KeysLayout {
  /** Columns of the terminal; Infinity where the output may be as wide as it needs. */
  readonly width: number;
  readonly colors: Palette;
}

const none = "-";

function dollars(usd: number): string {
  return usd === 0 || usd >= 0.01 ? `$${usd.toFixed(2)}` : `$${usd.toPrecision(2)}`;
}

/** `60 rpm, 5 at once` */
export function limitsText({ rpm, tpm, concurrency }: Pick<KeyView, "rpm" | "tpm" | "concurrency">): string {
  const parts = [
    rpm === undefined ? [] : [`${rpm} rpm`],
    tpm === undefined ? [] : [`${tpm} tpm`],
    concurrency === undefined ? [] : [`${concurrency} at once`],
  ].flat();
  return parts.length === 0 ? none : parts.join(", ");
}

/** `$1.20 of $10.00 a day` */
export function budgetsText({ spending = [] }: Pick<KeyView, "spending">): string {
  const parts = spending.map(({ usd, window, spentUsd, reservedUsd }) => {
    const reserved = reservedUsd > 0 ? ` (${dollars(reservedUsd)} reserved)` : "";
    return `${dollars(spentUsd)}${reserved} of ${dollars(usd)} a ${window}`;
  });
  return parts.length === 0 ? none : parts.join(", ");
}

function day(time: string | undefined): string {
  return time?.slice(0, 10) ?? none;
}

function statusPaint({ status }: KeyView, colors: Palette): Paint | undefined {
  return status === "active" ? undefined : colors.yellow;
}

export function formatKeys(keys: readonly KeyView[], { width, colors }: KeysLayout): string {
  const columns: Column<KeyView>[] = [
    { title: "ID", text: ({ id }) => id },
    { title: "NAME", text: ({ name }) => name, narrowest: 10 },
    { title: "KEY", text: ({ prefix }) => prefix },
    { title: "STATUS", text: ({ status }) => status, paint: (key) => statusPaint(key, colors) },
    { title: "LIMITS", text: limitsText, narrowest: 8 },
    { title: "SPENT", text: budgetsText, narrowest: 12 },
    { title: "EXPIRES", text: ({ expiresAt }) => day(expiresAt) },
  ];
  for (let left = columns; ; left = left.filter(({ title }) => title !== leastWanted(left))) {
    const { columns: cut, fits } = fitColumns(left, keys, width);
    if (fits || leastWanted(left) === undefined) return table(cut, keys, colors);
  }
}

/** `keys show` tells what had no room. */
function leastWanted(columns: readonly Column<KeyView>[]): string | undefined {
  return ["KEY", "LIMITS", "EXPIRES"].find((name) => columns.some(({ title }) => title === name));
}

type Row = readonly [name: string, text: string];

function listText(list: readonly string[] | undefined): string | undefined {
  return list?.join(", ");
}

/** One key, a line for each thing that is set. */
export function formatKey(key: KeyView, { colors }: Pick<KeysLayout, "colors">): string {
  const tags = Object.entries(key.tags ?? {}).map(([name, value]) => `${name}=${value}`);
  const all: readonly (readonly [string, string | undefined])[] = [
    ["id", key.id],
    ["name", key.name],
    ["key", key.prefix],
    ["status", key.status],
    ["created", key.createdAt],
    ["expires", key.expiresAt],
    ["old token until", key.previousUntil],
    ["team", key.teamId],
    ["models", listText(key.models)],
    ["endpoints", listText(key.endpoints)],
    ["addresses", listText(key.addresses)],
    ["limits", limitsText(key)],
    ["spent", budgetsText(key)],
    ["priority", key.priority?.toString()],
    ["content kept", key.content],
    ["may steer", key.maySteer === undefined ? undefined : key.maySteer ? "yes" : "no"],
    ["tags", tags.length === 0 ? undefined : tags.join(", ")],
    ["version", String(key.version)],
  ];
  const rows = all.filter((row): row is Row => row[1] !== undefined && row[1] !== none);
  const columns: Column<Row>[] = [
    { title: "FIELD", text: ([name]) => name },
    { title: "VALUE", text: ([, text]) => text },
  ];
  return table(columns, rows, colors);
}
