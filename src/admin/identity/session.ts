import { z } from "zod";
import { roles, type Role } from "../../keys/role.ts";
import type { StoredDocument } from "../../storage/document-store.ts";

/** From a login on, through all renewals of its tokens, until it ends. */
export interface Session {
  /** `ses_…` */
  readonly id: string;
  readonly userId: string;
  /** The user's name when it began. */
  readonly name: string;
  /** Of somebody whom another system vouches for; whoever is kept here has the role that is kept. */
  readonly role?: Role | undefined;
  readonly by: "password" | "setup" | "oidc";
  /** The user's when it began. */
  readonly epoch: string;
  /** SHA-256 of the refresh token that is good now, hex. */
  readonly refreshHash: string;
  /** Epoch milliseconds, as all times here. */
  readonly createdAt: number;
  readonly renewedAt: number;
  readonly expiresAt: number;
  readonly address?: string | undefined;
  readonly agent?: string | undefined;
  /** Of its document. */
  readonly version: number;
}

export const sessionKind = "session";

const storedSession = z.object({
  userId: z.string(),
  name: z.string(),
  role: z.enum(roles).optional(),
  by: z.enum(["password", "setup", "oidc"]),
  epoch: z.string(),
  refreshHash: z.string(),
  createdAt: z.number(),
  renewedAt: z.number(),
  expiresAt: z.number(),
  address: z.string().optional(),
  agent: z.string().optional(),
});

/** `undefined` = the document holds no session. */
export function readSession({ id, version, value }: StoredDocument): Session | undefined {
  const { data } = storedSession.safeParse(value);
  return data && { id, ...data, version };
}
