import { fieldsOf, stringOf, type Fields } from "./replay-fields.ts";

/**
 * Anthropic's message threads: `thread: {type: "create"}` asks the server to keep the conversation under the answer's id,
 * `{type: "continue", previous_message_id}` then brings only what is new. Tool runners of Anthropic's SDK do so by default.
 */
export interface Threads {
  /** The body as if the client had sent everything; `undefined` when the thread is not known. */
  whole(body: unknown): Fields | undefined;
  /** What was answered to a body that `whole` gave. */
  keep(body: unknown, answer: { id: string; content: unknown }): void;
}

function messagesOf(body: Fields): unknown[] {
  return Array.isArray(body["messages"]) ? body["messages"] : [];
}

export function createThreads(): Threads {
  const kept = new Map<string, Fields>();
  return {
    whole(body) {
      const { thread, ...rest } = fieldsOf(body);
      if (fieldsOf(thread)["type"] !== "continue") return rest;
      const before = kept.get(stringOf(fieldsOf(thread)["previous_message_id"]));
      return before && { ...before, ...rest, messages: [...messagesOf(before), ...messagesOf(rest)] };
    },
    keep(body, { id, content }) {
      const { stream: _, ...rest } = fieldsOf(body);
      kept.set(id, { ...rest, messages: [...messagesOf(rest), { role: "assistant", content }] });
    },
  };
}
