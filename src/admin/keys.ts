import { GatewayError, invalidRequest } from "../errors.ts";
import { type KeyBook, mostKeys } from "../keys/key-book.ts";
import { createToken, type NewToken } from "../keys/token.ts";
import { keyIdPrefix, keyKind, readKey, shownToken, teamKind, type VirtualKey } from "../keys/virtual-key.ts";
import { budgetOwner } from "../limits/budget-owner.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { StoredDocument } from "../storage/document-store.ts";
import type { By } from "./audit-trail.ts";
import type { BeginBudgets } from "./begin-budgets.ts";
import { epochMsOf, type Page } from "./contract/fields.ts";
import type { IssuedKey, KeyCreate, KeyPageQuery, KeyPatch, KeyRotate, KeyView } from "./contract/keys.ts";
import {
  changeDocument,
  checkedCursor,
  createResource,
  type Fresh,
  pageFrom,
  type Resource,
  type ResourceTools,
} from "./resource.ts";
import { spendingOf } from "./spending.ts";
import { isoTime, withChanges, withoutNulls } from "./stored-fields.ts";

/** Virtual keys, as the API, the command line and whoever else manages them know them. */
export interface Keys extends Omit<Resource<KeyView, IssuedKey, KeyCreate, KeyPatch>, "page"> {
  page(query: KeyPageQuery): Page<KeyView>;
  /**
   * Another token takes the place of the key's own, which is still taken for a while where that is wished. 403 where the
   * key's own is not the one of the hash `instead`.
   */
  rotate(id: string, how: KeyRotate & { readonly instead?: string }, by: By): Promise<IssuedKey>;
}

export interface KeysOptions extends ResourceTools {
  readonly book: Pick<KeyBook, "key" | "keys" | "team" | "size">;
  readonly budgets: Pick<Budgets, "view" | "forget">;
  readonly beginBudgets: BeginBudgets;
  readonly newToken?: () => NewToken;
  readonly most?: number;
}

/** All but its token, which nobody knows any more. */
function plainView(key: VirtualKey, now: number): KeyView {
  const { hash: _hash, last4: _last4, teamSince: _teamSince, createdAt, expiresAt, previous, ...rest } = key;
  const isExpired = expiresAt !== undefined && expiresAt <= now;
  const graceEnds = previous !== undefined && previous.until > now ? { previousUntil: isoTime(previous.until) } : {};
  return {
    ...(rest as Omit<KeyView, "prefix" | "status" | "createdAt">),
    prefix: shownToken(key),
    status: !key.enabled ? "disabled" : isExpired ? "expired" : "active",
    createdAt: isoTime(createdAt),
    ...(expiresAt === undefined ? {} : { expiresAt: isoTime(expiresAt) }),
    ...graceEnds,
  };
}

function tooMany(most: number): GatewayError {
  const message = `There are ${most} keys here, and no more are issued: delete some that nobody uses.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}

/** Whoever has a token that was taken away, because others know it, must not take the key back by it. */
export function tokenReplaced(id: string): GatewayError {
  const message = `This token of the key ${id} was replaced by another one: only that may rotate it. Ask whoever gave you the key.`;
  return new GatewayError({ code: "forbidden", status: 403, message });
}

type Expiry = number | null | undefined;

function expiryOf(expiresAt: KeyPatch["expiresAt"]): Expiry {
  return typeof expiresAt === "string" || typeof expiresAt === "number" ? epochMsOf(expiresAt) : expiresAt;
}

function isPast(expiry: Expiry, time: number): boolean {
  return typeof expiry === "number" && expiry <= time;
}

export function createKeys(options: KeysOptions): Keys {
  const { book, budgets, beginBudgets, documents, trail, now, newToken = createToken, most = mostKeys } = options;

  function view(key: VirtualKey): KeyView {
    return { ...plainView(key, now()), ...spendingOf(budgets, budgetOwner("key", key)) };
  }

  /** Of another gateway it may not have been heard yet. */
  async function checkTeam(id: string | null | undefined): Promise<void> {
    if (id === null || id === undefined || book.team(id) !== undefined) return;
    if ((await documents.get(teamKind, id)) === undefined)
      throw invalidRequest(`There is no team ${id}; GET /api/teams lists those there are.`, "teamId");
  }

  async function made({ expiresAt, ...input }: KeyCreate, time: number): Promise<Fresh> {
    if (book.size >= most) throw tooMany(most);
    await checkTeam(input.teamId);
    const { token, hash, last4 } = newToken();
    const expiry = expiryOf(expiresAt);
    if (isPast(expiry, time)) throw invalidRequest("`expiresAt` is past: the key could never be used.", "expiresAt");
    const value = withoutNulls({ ...input, expiresAt: expiry, hash, last4, createdAt: time });
    return { value, secrets: { key: token } };
  }

  async function changed(document: StoredDocument, { version: _version, ...patch }: KeyPatch): Promise<unknown> {
    await checkTeam(patch.teamId);
    const { id } = document;
    const key = readKey(document);
    const expiry = expiryOf(patch.expiresAt);
    // Whoever sends back what was shown may send what is past by now.
    if (isPast(expiry, now()) && expiry !== key?.expiresAt)
      throw invalidRequest("`expiresAt` is past; to end a key now, send `enabled: false`.", "expiresAt");
    if (patch.budgets) await beginBudgets({ owner: { kind: "key", id }, had: key?.budgets, wanted: patch.budgets });
    const isMoved = patch.teamId !== undefined && patch.teamId !== (key?.teamId ?? null);
    return withChanges(document.value, {
      ...patch,
      expiresAt: expiry,
      ...(isMoved && { teamSince: patch.teamId === null ? null : now() }),
    });
  }

  const resource = createResource<VirtualKey, KeyView, KeyCreate, KeyPatch>(
    {
      kind: keyKind,
      idPrefix: keyIdPrefix,
      find: (id) => book.key(id),
      all: (cursor) => book.keys(cursor),
      read: readKey,
      view,
      plainView: (key) => plainView(key, now()),
      made,
      changed,
      onRemoved: (id) => budgets.forget(id),
    },
    options,
  );

  async function rotated(
    { id, value }: StoredDocument,
    { fresh, graceSeconds, instead }: KeyRotate & { readonly fresh: NewToken; readonly instead?: string },
  ): Promise<unknown> {
    const { hash, last4 } = fresh;
    const old = (value as { hash?: unknown }).hash;
    if (instead !== undefined && instead !== old) throw tokenReplaced(id);
    const previous = graceSeconds > 0 ? { hash: old, until: now() + graceSeconds * 1000 } : null;
    return withChanges(value, { hash, last4, previous });
  }

  return {
    ...resource,
    create: async (input, by) => (await resource.create(input, by)) as IssuedKey,
    page({ limit, cursor, team }) {
      const isWanted = team === undefined ? undefined : ({ teamId }: VirtualKey): boolean => teamId === team;
      return pageFrom(book.keys(checkedCursor(cursor, keyIdPrefix)), { limit, view, isWanted });
    },
    async rotate(id, how, by) {
      const fresh = newToken();
      const change = (document: StoredDocument): Promise<unknown> => rotated(document, { ...how, fresh });
      const { before, after } = await changeDocument(options, { kind: keyKind, id, version: undefined }, change);
      const [old, key] = [readKey(before), readKey(after)];
      if (key === undefined) throw new Error(`What was written of the key ${id} cannot be read`);
      const deed = { action: "key.rotate", subject: `key/${id}`, before: old && plainView(old, now()) };
      await trail.tell({ ...deed, after: plainView(key, now()) }, by);
      return { ...view(key), key: fresh.token };
    },
  };
}
