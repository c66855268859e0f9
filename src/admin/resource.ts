import { GatewayError, invalidRequest } from "../errors.ts";
import { createId } from "../lib/ids.ts";
import type { PutDocument, StoredDocument } from "../storage/document-store.ts";
import { againOnConflict } from "./again-on-conflict.ts";
import type { AuditTrail, By } from "./audit-trail.ts";
import type { Page } from "./contract/fields.ts";
import type { AdminDocuments } from "./documents.ts";

/** Things of one kind that are made, changed and removed while the gateway runs. Calls throw or reject with GatewayError. */
export interface Resource<View, Made, Create, Patch> {
  /** Throws GatewayError (400) for a cursor that is none. */
  page(query: { limit: number; cursor?: string | undefined }): Page<View>;
  /** 404 for one that is not there. */
  get(id: string): View;
  create(input: Create, by: By): Promise<Made>;
  /** 409 where the version that the change names is not the one there is. */
  patch(id: string, patch: Patch, by: By): Promise<View>;
  remove(id: string, by: By): Promise<void>;
  /**
   * Changes in their order, where that can be done faster than one by one: what became of each, as the single change would
   * have answered. One that fails leaves the others alone.
   */
  several?(steps: readonly Step<Create, Patch>[], by: By): Promise<readonly (View | Made | void | GatewayError)[]>;
}

/** A change of a batch. */
export type Step<Create, Patch> =
  | { readonly action: "create"; readonly input: Create }
  | { readonly action: "update"; readonly id: string; readonly patch: Patch }
  | { readonly action: "delete"; readonly id: string };

/** How a thing is told, made and changed. */
export interface ResourceRules<Value extends { id: string }, View, Create, Patch> {
  /** Of its documents and in messages: `key`. */
  readonly kind: string;
  /** `key_` */
  readonly idPrefix: string;
  find(id: string): Value | undefined;
  /** By id, the newest first. */
  all(cursor: string | undefined): Iterable<Value>;
  read(document: StoredDocument): Value | undefined;
  /** Without secrets. */
  view(value: Value): View;
  /** As `view`, without what changes by itself: for the audit log. */
  plainView(value: Value): unknown;
  /** The document's value, and what only whoever made it is told. Throws or rejects with GatewayError. */
  made(input: Create, now: number): Promise<Fresh> | Fresh;
  /** The document's value after a change. Throws or rejects with GatewayError. */
  changed(before: StoredDocument, patch: Patch): Promise<unknown>;
  /** May refuse, by throwing GatewayError. */
  checkRemoval?(value: Value): void;
  onRemoved?(id: string): Promise<void>;
}

export interface Fresh {
  readonly value: unknown;
  readonly secrets?: Readonly<Record<string, unknown>>;
}

export interface ResourceTools {
  readonly documents: AdminDocuments;
  readonly trail: AuditTrail;
  readonly now: () => number;
}

export function notFound(kind: string, id: string): GatewayError {
  const message = `There is no ${kind} ${id.slice(0, 100)} here; GET /api/${kind}s lists those there are.`;
  return new GatewayError({ code: "not_found", status: 404, message });
}

export function checkVersion(
  kind: string,
  { id, version }: Pick<StoredDocument, "id" | "version">,
  wanted: number | undefined,
): void {
  if (wanted === undefined || wanted === version) return;
  throw new GatewayError({
    code: "conflict",
    status: 409,
    message: `Somebody else has changed the ${kind} ${id}: it has version ${version} now, ${wanted} was expected. Read it again, then change that.`,
    details: { version },
  });
}

interface Paging<Value, View> {
  readonly limit: number;
  readonly view: (value: Value) => View;
  /** Default: all are. */
  readonly isWanted?: ((value: Value) => boolean) | undefined;
}

/** The id that a page ended with, which may be gone by now. Throws GatewayError (400) for what never was one. */
export function checkedCursor(cursor: string | undefined, idPrefix: string): string | undefined {
  if (cursor === undefined || cursor.startsWith(idPrefix)) return cursor;
  throw invalidRequest("cursor must be the one that the page before gave.", "cursor");
}

/** The first ones of those that are wanted, and where the next page begins. */
export function pageFrom<Value extends { id: string }, View>(
  values: Iterable<Value>,
  { limit, view, isWanted = () => true }: Paging<Value, View>,
): Page<View> {
  const found: Value[] = [];
  for (const value of values) {
    if (!isWanted(value)) continue;
    if (found.length === limit) return { data: found.map(view), cursor: found.at(-1)?.id ?? null };
    found.push(value);
  }
  return { data: found.map(view), cursor: null };
}

/**
 * A change to one document that begins anew when somebody else was faster, unless it was made of a certain version. What
 * `change` rejects with is no conflict.
 */
export async function changeDocument(
  { documents }: Pick<ResourceTools, "documents">,
  { kind, id, version }: Pick<StoredDocument, "kind" | "id"> & { version: number | undefined },
  change: (before: StoredDocument) => Promise<unknown>,
): Promise<{ before: StoredDocument; after: StoredDocument }> {
  async function attempt(): Promise<{ before: StoredDocument; after: StoredDocument }> {
    const before = await documents.get(kind, id);
    if (before === undefined) throw notFound(kind, id);
    checkVersion(kind, before, version);
    const document: PutDocument = { kind, id, value: await change(before), expectedVersion: before.version };
    return { before, after: await documents.put(document) };
  }

  return version === undefined ? againOnConflict(attempt) : attempt();
}

export function createResource<
  Value extends { id: string },
  View extends { id: string },
  Create,
  Patch extends { version?: number | undefined },
>(
  rules: ResourceRules<Value, View, Create, Patch>,
  tools: ResourceTools,
): Resource<View, View & Record<string, unknown>, Create, Patch> {
  const { kind } = rules;
  const { documents, trail, now } = tools;

  function known(id: string): Value {
    const value = rules.find(id);
    if (value === undefined) throw notFound(kind, id);
    return value;
  }

  function readable(document: StoredDocument): Value {
    const value = rules.read(document);
    if (value === undefined) throw new Error(`What was written of the ${kind} ${document.id} cannot be read`);
    return value;
  }

  function told(document: StoredDocument): unknown {
    const value = rules.read(document);
    return value && rules.plainView(value);
  }

  return {
    page({ limit, cursor }) {
      const values = rules.all(checkedCursor(cursor, rules.idPrefix));
      return pageFrom(values, { limit, view: (value) => rules.view(value) });
    },
    get: (id) => rules.view(known(id)),
    async create(input, by) {
      const time = now();
      const { value, secrets } = await rules.made(input, time);
      const id = createId(rules.idPrefix, time);
      const stored = await documents.put({ kind, id, value, expectedVersion: 0 });
      const deed = { action: `${kind}.create`, subject: `${kind}/${id}`, before: undefined, after: told(stored) };
      await trail.tell(deed, by);
      return { ...rules.view(readable(stored)), ...secrets };
    },
    async patch(id, patch, by) {
      const { version, ...fields } = patch;
      if (Object.keys(fields).length === 0)
        throw invalidRequest(`Nothing is to be changed: name a field of the ${kind}.`);
      const change = (document: StoredDocument): Promise<unknown> => rules.changed(document, patch);
      const { before, after } = await changeDocument(tools, { kind, id, version }, change);
      const deed = { action: `${kind}.update`, subject: `${kind}/${id}`, before: told(before), after: told(after) };
      await trail.tell(deed, by);
      return rules.view(readable(after));
    },
    async remove(id, by) {
      const document = await documents.get(kind, id);
      if (document === undefined) throw notFound(kind, id);
      const value = rules.read(document);
      if (value !== undefined) rules.checkRemoval?.(value);
      await documents.remove(kind, id);
      const deed = { action: `${kind}.delete`, subject: `${kind}/${id}`, before: told(document), after: undefined };
      await trail.tell(deed, by);
      await rules.onRemoved?.(id);
    },
  };
}
