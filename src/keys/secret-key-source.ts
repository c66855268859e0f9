/** What it means for a gateway with a database to have no key. */
export const noKeyToSealWith =
  "No key is set to seal secrets with: the database keeps none, and logins are good at this gateway alone. Set ORCESTATOR_SECRET_KEY (openssl rand -hex 32) to one value on all gateways.";

/** Where the keys come from that secrets are sealed with. */
export interface SecretKeySource {
  /** The keys there are now, the one to seal with first; `undefined` = none was made yet. Throws Error where they cannot be read. */
  read(): readonly Uint8Array[] | undefined;
  /** Makes the first one. Throws Error where it cannot be kept. */
  make(): readonly Uint8Array[];
}
