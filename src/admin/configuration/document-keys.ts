import { counted } from "../../lib/counted.ts";
import type { KeptKeys } from "./kept-keys.ts";
import type { Fields } from "./written-entry.ts";

/** What an export has, and nobody asked for. */
export function unaskedKeys(document: Fields): string[] {
  const { keys = [], teams = [] } = document as Partial<KeptKeys>;
  if (keys.length + teams.length === 0) return [];
  const found = `${counted(keys.length, "virtual key")} and ${counted(teams.length, "team")}`;
  return [`The document has ${found}, which are left alone; with include=keys they are imported too.`];
}
