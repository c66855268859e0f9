import type { ScannedObject } from "../lib/json-scan.ts";
import { isFields } from "../protocols/fields.ts";
import { memberIn, valueOf } from "./body-scan.ts";

/** Where clients say which session a request is of: OpenRouter's and opencode's, Claude Code's, Codex's, llm-orch's, and others' names for it. */
export const sessionHeaders = [
  "x-session-id",
  "x-claude-code-session-id",
  "session-id",
  "session_id",
  "thread-id",
  "conversation_id",
  "x-session-affinity",
  "x-orch-sticky-key",
  "x-orch-session",
] as const;

/** Longer ones are remembered by their hash. */
const longestKey = 200;

/** A client's text as a key: no client may fill the memory with long ones. */
function boundedKey(text: string): string {
  return text.length <= longestKey ? text : `#${Bun.hash(text).toString(36)}`;
}

const previousId = "previous_response_id";
const behind = "after ";

/** The key of requests that go on behind an answer. */
export function responseKey(id: string): string {
  return behind + boundedKey(id);
}

/** What goes on behind an answer may be understood only where that was given. */
export function isResponseKey(key: string): boolean {
  return key.startsWith(behind);
}

function textAt(text: string, body: ScannedObject, key: string): string | undefined {
  const value = valueOf(text, memberIn(body, key));
  return typeof value === "string" && value !== "" ? value : undefined;
}

function conversationOf(text: string, body: ScannedObject): string | undefined {
  const value = valueOf(text, memberIn(body, "conversation"));
  const id = isFields(value) ? value["id"] : value;
  return typeof id === "string" && id !== "" ? id : undefined;
}

/** Anthropic's: Claude Code writes the session into it. */
function userOf(text: string, body: ScannedObject): string | undefined {
  const value = valueOf(text, memberIn(body, "metadata"));
  const id = isFields(value) ? value["user_id"] : undefined;
  return typeof id === "string" && id !== "" ? id : undefined;
}

function keyInHeaders(headers: Pick<Headers, "get">): string | undefined {
  for (const name of sessionHeaders) {
    const value = headers.get(name);
    if (value !== null && value !== "") return boundedKey(value);
  }
  return undefined;
}

function keyInBody(text: string, body: ScannedObject): string | undefined {
  const cacheKey = textAt(text, body, "prompt_cache_key");
  if (cacheKey !== undefined) return boundedKey(cacheKey);
  const session = conversationOf(text, body) ?? userOf(text, body);
  return session === undefined ? undefined : boundedKey(session);
}

/** VS Code's, which may be new with every prompt: better than nothing, and worse than everything else. */
export function interactionKey(headers: Pick<Headers, "get">): string | undefined {
  const value = headers.get("x-interaction-id");
  return value === null || value === "" ? undefined : boundedKey(value);
}

interface Body {
  readonly text: string;
  readonly scanned: () => ScannedObject;
}

function keyOfResponse(body: Body): string | undefined {
  // Next to no request has one: one search spares the scan.
  if (!body.text.includes(`"${previousId}"`)) return undefined;
  const before = textAt(body.text, body.scanned(), previousId);
  return before === undefined ? undefined : responseKey(before);
}

/** What the client itself says of which requests belong together; `undefined` = nothing. The answer before goes before all. */
export function sessionKey(headers: Pick<Headers, "get">, body: Body): string | undefined {
  const ofResponse = keyOfResponse(body);
  if (ofResponse !== undefined) return ofResponse;
  return keyInHeaders(headers) ?? keyInBody(body.text, body.scanned());
}
