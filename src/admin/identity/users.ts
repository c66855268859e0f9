import { randomBytes } from "node:crypto";
import { GatewayError } from "../../errors.ts";
import type { StoredDocument } from "../../storage/document-store.ts";
import type { UserCreate, UserPatch, UserView } from "../contract/users.ts";
import { createResource, type Fresh, type Resource, type ResourceTools } from "../resource.ts";
import { isoTime, withChanges } from "../stored-fields.ts";
import type { IdentityBook } from "./identity-book.ts";
import type { Passwords } from "./passwords.ts";
import type { People } from "./people.ts";
import type { Sessions } from "./sessions.ts";
import { readUser, type User, userKind } from "./user.ts";

/** Those who look after the gateway. */
export type Users = Resource<UserView, UserView, UserCreate, UserPatch>;

export interface UsersOptions extends ResourceTools {
  readonly book: IdentityBook;
  readonly people: Pick<People, "isConfigured">;
  readonly sessions: Pick<Sessions, "endOf">;
  readonly passwords: Pick<Passwords, "hash">;
  /** Whether somebody who is not kept here can be admin, so that the last one who is may go. */
  readonly hasOtherAdmin: () => boolean;
  /** Hears what other gateways have changed. Never rejects. */
  readonly look: () => Promise<void>;
}

function view({ id, name, role, enabled, createdAt, passwordAt, version }: User): UserView {
  return { id, name, role, enabled, createdAt: isoTime(createdAt), passwordAt: isoTime(passwordAt), version };
}

function conflict(message: string): GatewayError {
  return new GatewayError({ code: "conflict", status: 409, message });
}

function newEpoch(): string {
  return randomBytes(9).toString("base64url");
}

export function createUsers(options: UsersOptions): Users {
  const { book, people, sessions, passwords, hasOtherAdmin, look, now } = options;

  async function checkName(name: string): Promise<void> {
    await look();
    if (people.isConfigured(name))
      throw conflict("This is the user name of the configuration (admin.username): choose another one.");
    if (book.userOf(name) !== undefined) throw conflict("There is a user of this name already.");
  }

  function checkNotLast({ id, role, enabled }: User): void {
    if (role !== "admin" || !enabled || hasOtherAdmin()) return;
    for (const other of book.users()) if (other.id !== id && other.role === "admin" && other.enabled) return;
    throw conflict("This is the only admin: make another one first, or set AUTH_TOKEN (admin.token).");
  }

  async function made({ password, ...fields }: UserCreate, createdAt: number): Promise<Fresh> {
    await checkName(fields.name);
    const hash = await passwords.hash(password);
    return { value: { ...fields, hash, epoch: newEpoch(), createdAt, passwordAt: createdAt } };
  }

  async function changed(before: StoredDocument, { password, role, enabled }: UserPatch): Promise<unknown> {
    const user = readUser(before);
    if (user !== undefined && (enabled === false || (role ?? "admin") !== "admin")) checkNotLast(user);
    const isNew = password !== undefined;
    return withChanges(before.value, {
      role,
      enabled,
      ...(isNew && { hash: await passwords.hash(password), passwordAt: now() }),
      ...((isNew || enabled === false) && { epoch: newEpoch() }),
    });
  }

  const resource = createResource<User, UserView, UserCreate, UserPatch>(
    {
      kind: userKind,
      idPrefix: "user_",
      find: (id) => book.user(id),
      all: (cursor) => book.users(cursor),
      read: readUser,
      view,
      plainView: view,
      made,
      changed,
      checkRemoval: checkNotLast,
      onRemoved: (id) => sessions.endOf(id),
    },
    options,
  );
  return {
    ...resource,
    async patch(id, patch, by) {
      const after = await resource.patch(id, patch, by);
      // Its sessions have ended with the epoch; what is left of them is cleared away.
      if (patch.password !== undefined || patch.enabled === false) await sessions.endOf(id);
      return after;
    },
  };
}
