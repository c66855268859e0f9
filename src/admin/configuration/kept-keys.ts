import { invalidRequest } from "../../errors.ts";
import { keyKind, readKey, readTeam, teamKind } from "../../keys/virtual-key.ts";
import type { DocumentStore, PutDocument } from "../../storage/document-store.ts";
import type { KeptDocument } from "../contract/config.ts";
import { isSameValue } from "./entry-change.ts";

/** Virtual keys and teams as they are kept: hashes, no tokens. */
export interface KeptKeys {
  readonly keys: readonly KeptDocument[];
  readonly teams: readonly KeptDocument[];
}

type Documents = Pick<DocumentStore, "list" | "put">;

const kinds = { keys: keyKind, teams: teamKind } as const;

async function listed(documents: Documents, kind: string): Promise<KeptDocument[]> {
  const found = await documents.list(kind);
  return found.map(({ id, value }) => ({ id, value: value as Record<string, unknown> }));
}

export async function exportKeys(documents: Documents): Promise<KeptKeys> {
  return { keys: await listed(documents, keyKind), teams: await listed(documents, teamKind) };
}

/** Only what a key or a team may have; everything else that somebody wrote is left out. */
function readKept(section: keyof typeof kinds, index: number, { id, value }: KeptDocument): Record<string, unknown> {
  const document = { kind: kinds[section], id, value, version: 0, updatedAt: 0 };
  const found = section === "keys" ? readKey(document) : readTeam(document);
  const isShaped = /^(?:key|team)_[0-9a-z]{24}$/.test(id) && id.startsWith(kinds[section]);
  if (found === undefined || !isShaped)
    throw invalidRequest(`\`${section}[${index}]\` is no ${kinds[section]} that was exported.`, `${section}[${index}]`);
  const { id: _id, version: _version, ...fields } = found;
  return JSON.parse(JSON.stringify(fields)) as Record<string, unknown>;
}

/** Documents that are to be written so that these keys and teams are there. Rejects with GatewayError: 400, 503. */
export async function planKeys(documents: Documents, wanted: Partial<KeptKeys>): Promise<PutDocument[]> {
  const puts: PutDocument[] = [];
  for (const section of ["teams", "keys"] as const) {
    const given = wanted[section] ?? [];
    if (given.length === 0) continue;
    const there = new Map((await listed(documents, kinds[section])).map(({ id, value }) => [id, value]));
    for (const [index, document] of given.entries()) {
      const value = readKept(section, index, document);
      if (!isSameValue(there.get(document.id), value)) puts.push({ kind: kinds[section], id: document.id, value });
    }
  }
  return puts;
}
