import packageJson from "../package.json" with { type: "json" };

/** The build replaces this identifier (`--define`) with the commit it was made from; absent when run from source. */
declare const ORCESTATOR_COMMIT: string | undefined;

export const version: string = packageJson.version;
export const commit: string | undefined = typeof ORCESTATOR_COMMIT === "string" ? ORCESTATOR_COMMIT : undefined;
