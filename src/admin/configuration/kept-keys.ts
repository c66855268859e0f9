import { z } from "zod";
import { valueAt } from "../../config/path.ts";
import { invalidRequest } from "../../errors.ts";
import { type KeyBudget, keyKind, readKey, readTeam, teamKind } from "../../keys/virtual-key.ts";
import type { DocumentStore, PutDocument, StoredDocument } from "../../storage/document-store.ts";
import type { BudgetsToBegin } from "../begin-budgets.ts";
import type { KeptDocument } from "../contract/config.ts";
import { keptKeySchema } from "../contract/keys.ts";
import { keptTeamSchema } from "../contract/teams.ts";
import { readInput } from "../read-input.ts";
import type { Member } from "../spent-since.ts";
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

/** A key or a team that is to be written, and the budgets that begin with it. */
export interface KeptChange {
  readonly document: PutDocument;
  readonly budgets: BudgetsToBegin | undefined;
}

/** By team: its keys once all is written. */
type Members = ReadonlyMap<unknown, readonly Member[]>;

function membersIn(keys: readonly WantedKey[], there: Stored): Members {
  const wanted = new Set(keys.map(({ id }) => id));
  const staying = [...there.values()].filter(({ id }) => !wanted.has(id));
  const all = [...staying, ...keys].map(({ id, value }) => ({
    id,
    teamId: valueAt(value, ["teamId"]),
    teamSince: Number(valueAt(value, ["teamSince"]) ?? 0),
  }));
  return Map.groupBy(all, ({ teamId }) => teamId);
}

interface Owner {
  readonly kind: "key" | "team";
  readonly id: string;
  readonly value: { readonly budgets?: readonly KeyBudget[] | null | undefined };
  /** How it is stored. */
  readonly before: StoredDocument | undefined;
}

function changeTo({ kind, id, value, before }: Owner, members: Members): KeptChange[] {
  const document = { kind, id, value: withoutNulls({ ...value }) };
  if (isSameValue(before?.value, document.value)) return [];
  const { budgets: wanted } = value;
  if (!wanted?.length) return [{ document, budgets: undefined }];
  const had = before && (kind === "key" ? readKey(before) : readTeam(before))?.budgets;
  const toBegin = { owner: { kind, id }, had, wanted, isBack: before === undefined };
  return [{ document, budgets: kind === "key" ? toBegin : { ...toBegin, members: members.get(id) ?? [] } }];
}

/**
 * What is to be written, in this order, so that these keys and teams are there. Rejects with GatewayError: 400 for what no
 * key or team may be, 503.
 */
export async function planKeys(documents: Documents, given: Partial<KeptKeys>): Promise<KeptChange[]> {
  const { teams } = readInput(wantedTeams, { teams: given.teams });
  const { keys } = readInput(wantedKeys, { keys: given.keys });
  if (teams.length === 0 && keys.length === 0) return [];
  const [teamsThere, there] = [await storedOf(documents, teamKind), await storedOf(documents, keyKind)];
  checkTeams(keys, new Set([...teamsThere.keys(), ...teams.map(({ id }) => id)]));
  checkHashes(keys, there);
  const owners: Owner[] = [
    ...teams.map((team): Owner => ({ kind: teamKind, ...team, before: teamsThere.get(team.id) })),
    ...keys.map((key): Owner => ({ kind: keyKind, ...key, before: there.get(key.id) })),
  ];
  const members = teams.length === 0 ? new Map() : membersIn(keys, there);
  return owners.flatMap((owner) => changeTo(owner, members));
}
