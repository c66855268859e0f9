import type { ProtocolId } from "../protocols/protocol.ts";

/** Responses that one request may name items of. */
export const mostReferenced = 200;

const itemId = /^[a-z]+_([0-9a-z]+)_\d+$/;

/** Items are called `msg_X_0`, `fc_X_1` … in the response `resp_X`. */
export function responseIdOf(item: string): string | undefined {
  const own = itemId.exec(item)?.[1];
  return own === undefined ? undefined : `resp_${own}`;
}

const previousId = /"previous_response_id"\s*:\s*"([^"\\]{1,200})"/g;
const itemIds = /"([a-z]+_[0-9a-z]+_\d+)"/g;

/** Responses that a request's text may name. A text that only looks like it costs a look and nothing else. */
function responseIdsIn(text: string): string[] {
  const ids = new Set<string>();
  for (const [, id] of text.matchAll(previousId)) if (id !== undefined) ids.add(id);
  for (const [, item] of text.matchAll(itemIds)) {
    if (ids.size >= mostReferenced) break;
    const id = item === undefined ? undefined : responseIdOf(item);
    if (id !== undefined) ids.add(id);
  }
  return [...ids];
}

/** Whether a request's text may name a response, or an item of one. */
export function mayNameResponses(text: string): boolean {
  // Escaped, anything may be a name.
  return text.includes(String.raw`\u`) || text.search(previousId) !== -1 || text.search(itemIds) !== -1;
}

type Bring = (ids: readonly string[]) => Promise<void>;

/** What a request names is brought to where it can be read at once; `undefined` = there is nothing to wait for. */
export function bringNamed(
  text: string,
  { protocol, bring }: { protocol: ProtocolId; bring: Bring | undefined },
): Promise<void> | undefined {
  if (bring === undefined || protocol !== "openai-responses") return undefined;
  const ids = responseIdsIn(text);
  return ids.length === 0 ? undefined : bring(ids);
}
