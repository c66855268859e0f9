import type { Opaque } from "./conversation.ts";

/** Begins every token; the digit is the version of what follows. */
const mark = "orc1.";

const kinds = [
  "anthropic-signature",
  "anthropic-redacted",
  "gemini-signature",
  "openai-encrypted",
  "reasoning-details",
  "reference",
] as const satisfies readonly Opaque["kind"][];

/** Opaque states as one text that fits where a client's protocol keeps its own; base64 alphabet and dots only. */
export function sealOpaque(states: readonly Opaque[]): string {
  return (
    mark +
    Buffer.from(JSON.stringify(states.map(({ origin, kind, data }) => [origin, kind, data]))).toString("base64url")
  );
}

/** Whether a JSON text may hold a token as a value; a false alarm only costs a look. */
export function mayHoldToken(json: string): boolean {
  return json.includes(`"${mark}`);
}

export function isSealed(token: string): boolean {
  return token.startsWith(mark);
}

function readState(value: unknown): Opaque[] {
  if (!Array.isArray(value)) return [];
  const [origin, kind, data] = value as unknown[];
  const known = kinds.find((candidate) => candidate === kind);
  if (typeof origin !== "string" || known === undefined || typeof data !== "string") return [];
  return [{ origin, kind: known, data }];
}

/** The states of a token; `undefined` when it is none of ours. A damaged one holds nothing. */
export function openOpaque(token: string): readonly Opaque[] | undefined {
  if (!isSealed(token)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(token.slice(mark.length), "base64url").toString("utf8"));
    return Array.isArray(value) ? value.flatMap(readState) : [];
  } catch {
    return [];
  }
}

/** What a client sent back where its protocol keeps opaque state: ours opened, anything else as the upstream's own. */
export function readOpaque(token: string, kind: Opaque["kind"]): readonly Opaque[] {
  return openOpaque(token) ?? [{ origin: "", kind, data: token }];
}

/** Whether an upstream may be given a state back; `origin` = undefined: nobody knows which upstream it is. */
export function isOwn(state: Opaque, kind: Opaque["kind"], origin: string | undefined): boolean {
  return state.kind === kind && (origin === undefined || state.origin === origin || state.origin === "");
}

/** The states of one kind that an upstream may be given back. */
export function ownOpaque(
  states: readonly Opaque[] | undefined,
  kind: Opaque["kind"],
  origin: string,
): readonly Opaque[] {
  return (states ?? []).filter((state) => isOwn(state, kind, origin));
}
