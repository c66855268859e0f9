/**
 * What somebody may do who looks after the gateway, each with what comes after it: `admin` changes providers, credentials,
 * users and the configuration; `operator` changes keys, teams and models; `viewer` reads what holds no secrets.
 */
export const roles = ["admin", "operator", "viewer"] as const;
export type Role = (typeof roles)[number];
