import type { By } from "../audit-trail.ts";
import type { Person } from "./people.ts";

/** `user:user_…`, `config` for the one of the configuration, `oidc:…`: names come again when users go, and at identity providers. */
export function actorOf({ userId }: Pick<Person, "userId">): string {
  return userId.startsWith("user_") ? `user:${userId}` : userId;
}

/** Somebody who is logged in, for the audit log. */
export function byPerson(person: Pick<Person, "userId" | "name">, address: string | undefined): By {
  return { actor: actorOf(person), name: person.name, address };
}
