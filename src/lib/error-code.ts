/** The code that the system, a driver or SQLite gave an error; empty = none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
