/** Fails with a sentence; what it returns nobody needs. */
export function must(condition: boolean, complaint: string): asserts condition {
  if (!condition) throw new Error(complaint);
}

export function mustEqual(found: unknown, expected: unknown, what: string): void {
  if (Bun.deepEquals(found, expected, true)) return;
  throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
}
