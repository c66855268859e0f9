/** Where the keys come from that secrets are sealed with. */
export interface SecretKeySource {
  /** The keys there are now, the one to seal with first; `undefined` = none was made yet. Throws Error where they cannot be read. */
  read(): readonly Uint8Array[] | undefined;
  /** Makes the first one. Throws Error where it cannot be kept. */
  make(): readonly Uint8Array[];
}
