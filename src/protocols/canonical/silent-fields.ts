/** Members of clients' bodies that say how to send, store or bill, and not what to answer. */
const silent: ReadonlySet<string> = new Set([
  "stream_options",
  "metadata",
  "user",
  "safety_identifier",
  "keep_alive",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
]);

const ordinaryTiers: readonly unknown[] = ["auto", "default"];

/** Whether a field of a client's can be left out without a word: nothing of the answer is lost with it. */
export function isSilentField(field: string, value: unknown): boolean {
  if (value === undefined || value === null || silent.has(field)) return true;
  if (field === "store") return value !== true;
  return field === "service_tier" && ordinaryTiers.includes(value);
}
