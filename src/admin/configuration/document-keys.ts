import { invalidRequest } from "../../errors.ts";
import { counted } from "../../lib/counted.ts";
import { mostImported } from "../contract/config.ts";
import type { KeptKeys } from "./kept-keys.ts";
import type { Fields } from "./written-entry.ts";

const sections = ["keys", "teams"] as const;

/** The virtual keys and teams of an export. Throws GatewayError (400) where they are more than are taken at once. */
export function documentKeys(document: Fields): Partial<KeptKeys> {
  const kept = document as Partial<KeptKeys>;
  for (const section of sections) {
    const count = kept[section]?.length ?? 0;
    if (count <= mostImported) continue;
    const advice = "send them in parts, each with an empty `config`, as `orcestator config import --keys` does";
    throw invalidRequest(
      `\`${section}\` has ${count} entries, and at most ${mostImported} are taken at a time: ${advice}.`,
      section,
    );
  }
  return kept;
}

/** What an export has, and nobody asked for. */
export function unaskedKeys(document: Fields): string[] {
  const { keys = [], teams = [] } = document as Partial<KeptKeys>;
  if (keys.length + teams.length === 0) return [];
  const found = `${counted(keys.length, "virtual key")} and ${counted(teams.length, "team")}`;
  return [`The document has ${found}, which are left alone; with include=keys they are imported too.`];
}
