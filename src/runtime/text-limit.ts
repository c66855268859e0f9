const unlimited = 1_000_000_000;

/** Characters that the content policy keeps. */
export function textLimitOf(policy: string): number {
  if (policy === "none") return 0;
  return policy === "full" ? unlimited : Number(policy.slice("truncate:".length));
}
