import { randomBytes } from "node:crypto";
import { GatewayError } from "../../errors.ts";
import type { StoredDocument } from "../../storage/document-store.ts";
import type { By } from "../audit-trail.ts";
import type { UserCreate, UserPatch, UserView } from "../contract/users.ts";
import { createResource, type Resource, type ResourceTools } from "../resource.ts";
import { isoTime, withChanges } from "../stored-fields.ts";
import type { IdentityBook } from "./identity-book.ts";
import type { Passwords } from "./passwords.ts";
import type { People } from "./people.ts";
import type { Sessions } from "./sessions.ts";
import type { InTurn } from "./turns.ts";
import { plainName, readUser, type User, userKind } from "./user.ts";

/** Those who look after the gateway. */
export interface Users extends Resource<UserView, UserView, UserCreate, UserPatch> {
  /** 409 where there is a user already. */
  createFirst(input: UserCreate, by: By): Promise<UserView>;
}

/** Of a password the hash: made before, for it takes a while. */
type Hashed<Input extends { password?: string | undefined }> = Omit<Input, "password"> & { readonly hash?: string };

export interface UsersOptions extends ResourceTools {
  readonly book: IdentityBook;
  readonly people: Pick<People, "isConfigured">;
  readonly sessions: Pick<Sessions, "endOf">;
  readonly passwords: Pick<Passwords, "hash">;
  /** Whether somebody who is not kept here can be admin, so that the last one who is may go. */
  readonly hasOtherAdmin: () => boolean;
  /** What depends on other users: theirs could change meanwhile at other gateways, too. */
  readonly inTurn: InTurn;
}

function view({ id, name, role, enabled, createdAt, passwordAt, version }: User): UserView {
  return { id, name, role, enabled, createdAt: isoTime(createdAt), passwordAt: isoTime(passwordAt), version };
}

function conflict(message: string): GatewayError {
  return new GatewayError({ code: "conflict", status: 409, message });
}

export function notNew(): GatewayError {
  return conflict("There is an admin already: log in, or ask one for a user of your own.");
}

function newEpoch(): string {
  return randomBytes(9).toString("base64url");
}

export function createUsers(options: UsersOptions): Users {
  const { book, people, sessions, passwords, documents, hasOtherAdmin, inTurn, now } = options;

  /** As the store has them: what others have changed may not have been heard yet. */
  async function all(): Promise<User[]> {
    return (await documents.list(userKind)).flatMap((document) => readUser(document) ?? []);
  }

  async function checkName(name: string): Promise<void> {
    if (people.isConfigured(name))
      throw conflict("This is the user name of the configuration (admin.username): choose another one.");
    const wanted = plainName(name);
    if ((await all()).some((user) => plainName(user.name) === wanted))
      throw conflict("There is a user of this name already.");
  }

  /** May somebody cease to be admin? */
  async function checkNotLast(id: string): Promise<void> {
    if (hasOtherAdmin()) return;
    const admins = (await all()).filter(({ role, enabled }) => role === "admin" && enabled);
    if (admins.some((user) => user.id !== id) || admins.length === 0) return;
    throw conflict("This is the only admin: make another one first, or set AUTH_TOKEN (admin.token).");
  }

  function changed({ value }: StoredDocument, { hash, role, enabled }: Hashed<UserPatch>): unknown {
    const isNew = hash !== undefined;
    return withChanges(value, {
      role,
      enabled,
      ...(isNew && { hash, passwordAt: now() }),
      ...((isNew || enabled === false) && { epoch: newEpoch() }),
    });
  }

  const resource = createResource<User, UserView, Hashed<UserCreate>, Hashed<UserPatch>>(
    {
      kind: userKind,
      idPrefix: "user_",
      find: (id) => book.user(id),
      all: (cursor) => book.users(cursor),
      read: readUser,
      view,
      plainView: view,
      made: (fields, createdAt) => ({ value: { ...fields, epoch: newEpoch(), createdAt, passwordAt: createdAt } }),
      changed: (before, patch) => Promise.resolve(changed(before, patch)),
      onRemoved: (id) => sessions.endOf(id),
    },
    options,
  );

  async function create({ password, ...fields }: UserCreate, by: By, check: () => Promise<void>): Promise<UserView> {
    const hash = await passwords.hash(password);
    return inTurn(async () => {
      await check();
      await checkName(fields.name);
      return resource.create({ ...fields, hash }, by);
    });
  }

  return {
    ...resource,
    create: (input, by) => create(input, by, () => Promise.resolve()),
    createFirst: (input, by) =>
      create(input, by, async () => {
        if ((await all()).length > 0) throw notNew();
      }),
    async patch(id, { password, ...patch }, by) {
      const hash = password === undefined ? {} : { hash: await passwords.hash(password) };
      const change = (): Promise<UserView> => resource.patch(id, { ...patch, ...hash }, by);
      const mayLeave = patch.enabled === false || (patch.role ?? "admin") !== "admin";
      const after = await (mayLeave ? inTurn(() => checkNotLast(id).then(change)) : change());
      // Its sessions have ended with the epoch; what is left of them is cleared away.
      if (password !== undefined || patch.enabled === false) await sessions.endOf(id);
      return after;
    },
    remove: (id, by) => inTurn(() => checkNotLast(id).then(() => resource.remove(id, by))),
  };
}
