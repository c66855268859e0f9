import { z } from "zod";
import { valueAt } from "../../config/path.ts";
import { invalidRequest } from "../../errors.ts";
import { keyKind, teamKind } from "../../keys/virtual-key.ts";
import type { DocumentStore, PutDocument, StoredDocument } from "../../storage/document-store.ts";
import type { KeptDocument } from "../contract/config.ts";
import { keptKeySchema } from "../contract/keys.ts";
import { keptTeamSchema } from "../contract/teams.ts";
import { readInput } from "../read-input.ts";
import { withoutNulls } from "../stored-fields.ts";
import { isSameValue } from "./entry-change.ts";

/** Virtual keys and teams as they are kept: hashes, no tokens. */
export interface KeptKeys {
  readonly keys: readonly KeptDocument[];
  readonly teams: readonly KeptDocument[];
}

type Documents = Pick<DocumentStore, "list" | "put">;
/** By id. */
type Stored = ReadonlyMap<string, StoredDocument>;
type WantedKey = z.output<typeof keptKeySchema>;

const wantedTeams = z.object({ teams: z.array(keptTeamSchema).default([]) });
const wantedKeys = z.object({ keys: z.array(keptKeySchema).default([]) });

async function listed(documents: Documents, kind: string): Promise<KeptDocument[]> {
  const found = await documents.list(kind);
  return found.map(({ id, value }) => ({ id, value: value as Record<string, unknown> }));
}

export async function exportKeys(documents: Documents): Promise<KeptKeys> {
  return { keys: await listed(documents, keyKind), teams: await listed(documents, teamKind) };
}

async function storedOf(documents: Documents, kind: string): Promise<Stored> {
  return new Map((await documents.list(kind)).map((document) => [document.id, document]));
}

function checkTeams(keys: readonly WantedKey[], teams: ReadonlySet<string>): void {
  for (const [index, { value }] of keys.entries()) {
    if (typeof value.teamId !== "string" || teams.has(value.teamId)) continue;
    const place = `keys[${index}].value.teamId`;
    throw invalidRequest(`\`${place}\` names a team that is neither here nor imported with the key.`, place);
  }
}

const tokenFields = ["hash", "previous.hash"] as const;

function hashIn(value: unknown, field: (typeof tokenFields)[number]): unknown {
  return valueAt(value, field.split("."));
}

/** Of two keys with one token only one could be found. */
function checkHashes(keys: readonly WantedKey[], there: Stored): void {
  const wanted = new Set(keys.map(({ id }) => id));
  const holders = new Map<unknown, string>();
  for (const { id, value } of there.values())
    if (!wanted.has(id)) for (const field of tokenFields) holders.set(hashIn(value, field), id);
  holders.delete(undefined);
  for (const [index, { id, value }] of keys.entries())
    for (const field of tokenFields) {
      const hash = hashIn(value, field);
      if (hash === undefined) continue;
      const place = `keys[${index}].value.${field}`;
      if ((holders.get(hash) ?? id) !== id) throw invalidRequest(`\`${place}\` is that of another key.`, place);
      holders.set(hash, id);
    }
}

interface Section {
  readonly kind: string;
  readonly wanted: readonly { readonly id: string; readonly value: object }[];
  readonly there: Stored;
}

function putsOf({ kind, wanted, there }: Section): PutDocument[] {
  return wanted.flatMap(({ id, value }) => {
    const document = { kind, id, value: withoutNulls({ ...value }) };
    return isSameValue(there.get(id)?.value, document.value) ? [] : [document];
  });
}

/**
 * Documents that are to be written so that these keys and teams are there. Rejects with GatewayError: 400 for what no key or
 * team may be, 503.
 */
export async function planKeys(documents: Documents, wanted: Partial<KeptKeys>): Promise<PutDocument[]> {
  const { teams } = readInput(wantedTeams, { teams: wanted.teams });
  const { keys } = readInput(wantedKeys, { keys: wanted.keys });
  if (teams.length === 0 && keys.length === 0) return [];
  const there = { teams: await storedOf(documents, teamKind), keys: await storedOf(documents, keyKind) };
  checkTeams(keys, new Set([...there.teams.keys(), ...teams.map(({ id }) => id)]));
  checkHashes(keys, there.keys);
  return [
    ...putsOf({ kind: teamKind, wanted: teams, there: there.teams }),
    ...putsOf({ kind: keyKind, wanted: keys, there: there.keys }),
  ];
}
