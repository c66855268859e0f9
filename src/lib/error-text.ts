/** What was thrown, in a line for people: a bug may throw anything. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
