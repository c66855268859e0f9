/** What was thrown, in a line for people: a bug may throw anything. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The same within a sentence: without the full stop that many messages end in. */
export function errorPhrase(error: unknown): string {
  return errorText(error).replace(/\.$/, "");
}
