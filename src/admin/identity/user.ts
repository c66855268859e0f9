import { z } from "zod";
import { roles, type Role } from "../../keys/role.ts";
import type { StoredDocument } from "../../storage/document-store.ts";

/** Somebody who looks after the gateway. A changed one is another object. */
export interface User {
  /** `user_…`; `config` = the one of admin.username. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly enabled: boolean;
  /** Argon2id in PHC form. */
  readonly hash: string;
  /** Another one ends all sessions that were begun before. */
  readonly epoch: string;
  /** Epoch milliseconds, as all times here. */
  readonly createdAt: number;
  readonly passwordAt: number;
  /** Of its document. */
  readonly version: number;
}

export const userKind = "user";

const storedUser = z.object({
  name: z.string(),
  role: z.enum(roles),
  enabled: z.boolean(),
  hash: z.string(),
  epoch: z.string(),
  createdAt: z.number(),
  passwordAt: z.number(),
});

/** `undefined` = the document holds no user: nobody gets in by something that cannot be read whole. */
export function readUser({ id, version, value }: StoredDocument): User | undefined {
  const { data } = storedUser.safeParse(value);
  return data && { id, ...data, version };
}

/** Names that look alike are one. */
export function plainName(name: string): string {
  return name.normalize("NFKC").trim().toLowerCase();
}
