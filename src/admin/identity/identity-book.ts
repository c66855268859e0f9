import { createShelf } from "../../keys/shelf.ts";
import type { DocumentChange } from "../../storage/document-store.ts";
import { readSession, type Session, sessionKind } from "./session.ts";
import { plainName, readUser, type User, userKind } from "./user.ts";

/** All users and sessions in memory: a request never waits for the store. */
export interface IdentityBook {
  readonly userCount: number;
  user(id: string): User | undefined;
  /** In any case; of several with one name, which two gateways can make at one moment, the first. */
  userOf(name: string): User | undefined;
  /** By id, the newest first, from behind `cursor` on. */
  users(cursor?: string): Iterable<User>;
  session(id: string): Session | undefined;
  /** Whether it was heard that this session ended, even of one that was never heard to begin. */
  hasEnded(id: string): boolean;
  /** The newest first. */
  sessions(): Iterable<Session>;
  /** A change of any document, as the store tells it; older ones than are known do nothing. */
  apply(change: DocumentChange): void;
}

/** @param onProblem told of documents that hold no user or session: they are left out. */
export function createIdentityBook(onProblem: (message: string) => void): IdentityBook {
  const users = createShelf<User>();
  const sessions = createShelf<Session>();

  function applyUser(change: DocumentChange): void {
    const user = "value" in change ? readUser(change) : undefined;
    if ("value" in change && user === undefined)
      onProblem(`The stored user ${change.id} cannot be read: nobody can log in with it.`);
    if (user === undefined) users.remove(change);
    else users.set(user);
  }

  function applySession(change: DocumentChange): void {
    const session = "value" in change ? readSession(change) : undefined;
    if (session === undefined) sessions.remove(change);
    else sessions.set(session);
  }

  return {
    get userCount() {
      return users.size;
    },
    user: (id) => users.get(id),
    userOf(name) {
      const wanted = plainName(name);
      let first: User | undefined;
      for (const user of users.before()) if (plainName(user.name) === wanted) first = user;
      return first;
    },
    users: (cursor) => users.before(cursor),
    session: (id) => sessions.get(id),
    hasEnded: (id) => sessions.wasRemoved(id),
    sessions: () => sessions.before(),
    apply(change) {
      if (change.kind === userKind && users.isNews(change)) applyUser(change);
      if (change.kind === sessionKind && sessions.isNews(change)) applySession(change);
    },
  };
}
