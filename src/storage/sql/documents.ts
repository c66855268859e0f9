import { GatewayError, invalidRequest } from "../../errors.ts";
import type {
  DocumentChange,
  DocumentChanges,
  ForgottenRemovals,
  PutDocument,
  StoredDocument,
  UpdateDocuments,
} from "../document-store.ts";
import { keyKind } from "../loss.ts";
import { type TableRow, tables } from "../tables.ts";
import { type Dialect, idsInList, inIds } from "./dialect.ts";
import { jsonText, jsonValue } from "./json-column.ts";
import { maybeTextIn, numberIn, type SqlRow, statement, type Steps, textIn } from "./steps.ts";

const mostChanges = 1000;
const kindShape = /^[a-z0-9-]{1,40}$/;
// eslint-disable-next-line no-control-regex
const idShape = /^(?!\s)[^\u0000-\u001f\u007f]{1,200}(?<!\s)$/u;

const columns = "kind, id, version, updated_at, value";
const getSql = `SELECT ${columns} FROM documents WHERE path = ?`;
const listSql = `SELECT ${columns} FROM documents WHERE path >= ? AND path < ? AND value IS NOT NULL ORDER BY path`;
const changesSql = `SELECT ${columns} FROM documents WHERE version > ? ORDER BY version LIMIT ${mostChanges}`;
const agesSql = `SELECT path, version, updated_at, CASE WHEN value IS NULL THEN 1 ELSE 0 END AS is_removed
  FROM documents WHERE version > ? ORDER BY version LIMIT ${mostChanges}`;
/** Whoever changes a document waits here for the one before: versions become visible in their order. */
const nextVersionsSql = "UPDATE counters SET value = value + ? WHERE name = 'documents'";
const versionSql = "SELECT value FROM counters WHERE name = 'documents'";

type Named = Pick<PutDocument, "kind" | "id" | "expectedVersion">;

function checkKind(kind: string): void {
  if (!kindShape.test(kind)) throw invalidRequest("A document's kind is 1 to 40 of a-z, 0-9 and -.", "kind");
}

function pathOf(kind: string, id: string): string {
  checkKind(kind);
  if (!idShape.test(id) || !id.isWellFormed())
    throw invalidRequest(
      `The id of a ${kind} is 1 to 200 characters, without control characters and without blanks at its ends.`,
      "id",
    );
  return `${kind}/${id}`;
}

function headOf(row: SqlRow): Omit<StoredDocument, "value"> {
  return {
    kind: textIn(row, "kind"),
    id: textIn(row, "id"),
    version: numberIn(row, "version"),
    updatedAt: numberIn(row, "updated_at"),
  };
}

/** A row without a value stands for a document that was removed. */
function documentOf(row: SqlRow | undefined): StoredDocument | undefined {
  const value = row && maybeTextIn(row, "value");
  return row === undefined || value === undefined ? undefined : { ...headOf(row), value: jsonValue(value) };
}

function conflict({ kind, id, expectedVersion = 0 }: Named, found: StoredDocument | undefined): GatewayError {
  const now = found === undefined ? "there is none now" : `it has version ${found.version} now`;
  const expected = expectedVersion === 0 ? "none was expected" : `version ${expectedVersion} was expected`;
  return new GatewayError({
    code: "conflict",
    status: 409,
    message: `Somebody else has changed the ${kind} ${id}: ${now}, ${expected}. Read it again, then change that.`,
    details: { version: found?.version ?? 0 },
  });
}

/** Takes the turn to change documents; the last of so many versions for them. */
function* takeVersions(count: number): Steps<number> {
  yield statement(nextVersionsSql, count);
  return yield* newestVersionSteps();
}

/** Takes the turn to change a document; what is there, once it is known to be what was expected. */
function* beginChange(named: Named): Steps<{ path: string; found: StoredDocument | undefined; version: number }> {
  const path = pathOf(named.kind, named.id);
  const version = yield* takeVersions(1);
  const found = documentOf((yield statement(getSql, path)).rows[0]);
  const { expectedVersion } = named;
  if (expectedVersion !== undefined && expectedVersion !== (found?.version ?? 0)) throw conflict(named, found);
  return { path, found, version };
}

export function* getSteps(kind: string, id: string): Steps<StoredDocument | undefined> {
  return documentOf((yield statement(getSql, pathOf(kind, id))).rows[0]);
}

/** In a transaction. */
export function* putSteps(
  document: PutDocument,
  { dialect, now }: { dialect: Dialect; now: number },
): Steps<StoredDocument> {
  const { kind, id, value } = document;
  const text = jsonText(value, `The ${kind} ${id}`);
  const { path, version } = yield* beginChange(document);
  const row = { path, kind, id, version, updated_at: now, value: text };
  for (const step of dialect.put(tables.documents, [row])) yield step;
  return { kind, id, version, updatedAt: now, value: jsonValue(text) };
}

function* foundSteps(paths: readonly string[]): Steps<Map<string, StoredDocument>> {
  const found = new Map<string, StoredDocument>();
  for (let at = 0; at < paths.length; at += idsInList) {
    const { sql, values } = inIds("path", paths.slice(at, at + idsInList));
    const { rows } = yield statement(`SELECT ${columns} FROM documents WHERE ${sql}`, ...values);
    for (const document of rows.flatMap((row) => documentOf(row) ?? [])) found.set(document.id, document);
  }
  return found;
}

/** In a transaction. */
export function* updateSteps(
  { kind, ids, become }: UpdateDocuments,
  { dialect, now }: { dialect: Dialect; now: number },
): Steps<Map<string, StoredDocument>> {
  const paths = ids.map((id) => pathOf(kind, id));
  let version = (yield* takeVersions(ids.length)) - ids.length;
  const documents = yield* foundSteps(paths);
  const rows: TableRow[] = [];
  for (const [at, id] of ids.entries()) {
    const value = become(id, documents.get(id));
    if (value === undefined) continue;
    version += 1;
    const text = jsonText(value, `The ${kind} ${id}`);
    rows.push({ path: paths[at] ?? null, kind, id, version, updated_at: now, value: text });
    documents.set(id, { kind, id, version, updatedAt: now, value: jsonValue(text) });
  }
  for (const step of dialect.put(tables.documents, rows)) yield step;
  return documents;
}

/** In a transaction. */
export function* removeSteps(named: Named, { dialect, now }: { dialect: Dialect; now: number }): Steps<boolean> {
  const { kind, id } = named;
  const { path, found, version } = yield* beginChange(named);
  if (found === undefined) return false;
  const row = { path, kind, id, version, updated_at: now, value: null };
  for (const step of dialect.put(tables.documents, [row])) yield step;
  return true;
}

export function* listDocumentsSteps(kind: string): Steps<StoredDocument[]> {
  checkKind(kind);
  // What sorts behind every path of the kind.
  const { rows } = yield statement(listSql, `${kind}/`, `${kind}0`);
  return rows.flatMap((row) => documentOf(row) ?? []);
}

/** The version of the last change. */
export function* newestVersionSteps(): Steps<number> {
  return numberIn((yield statement(versionSql)).rows[0], "value");
}

export function* changesSteps(since: number): Steps<DocumentChanges> {
  const newest = yield* newestVersionSteps();
  const { rows } = yield statement(changesSql, since);
  const changes = rows.map((row): DocumentChange => documentOf(row) ?? { ...headOf(row), isRemoved: true });
  return { changes, version: changes.at(-1)?.version ?? since, newest };
}

/** Deletes what is left of removed documents but of one key, in the order of versions, up to the first change that is not old enough. */
export function* forgetRemovedSteps({
  version,
  before,
}: {
  version: number;
  before: number;
}): Steps<ForgottenRemovals> {
  const { rows } = yield statement(agesSql, version);
  const young = rows.findIndex((row) => numberIn(row, "updated_at") >= before);
  const old = young === -1 ? rows : rows.slice(0, young);
  const removed = old.filter((row) => numberIn(row, "is_removed") === 1).map((row) => textIn(row, "path"));
  // Whoever starts later must know from it that there were keys.
  const remembered = removed.findLast((path) => path.startsWith(`${keyKind}/`));
  const paths = removed.filter((path) => path !== remembered);
  for (let at = 0; at < paths.length; at += idsInList) {
    const { sql, values } = inIds("path", paths.slice(at, at + idsInList));
    // One that was put again meanwhile stays.
    yield statement(`DELETE FROM documents WHERE value IS NULL AND ${sql}`, ...values);
  }
  const last = old.at(-1);
  const isLast = young !== -1 || rows.length < mostChanges;
  return { deleted: paths.length, version: last === undefined ? version : numberIn(last, "version"), isLast };
}
