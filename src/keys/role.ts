/**
 * What somebody may do who looks after the gateway, each with what comes after it: `admin` changes providers, credentials,
 * users and the configuration; `operator` changes keys, teams and models; `viewer` reads what holds no secrets of
 * the gateway, with what people wrote.
 */
export const roles = ["admin", "operator", "viewer"] as const;
export type Role = (typeof roles)[number];

/** Whether a role is enough where `needed` is the least that will do. */
export function suffices(role: Role, needed: Role): boolean {
  return roles.indexOf(role) <= roles.indexOf(needed);
}
