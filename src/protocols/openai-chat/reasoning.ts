import type { Opaque, ReasoningPart } from "../canonical/conversation.ts";
import { isSealed, readOpaque } from "../canonical/opaque-token.ts";
import { filledOf, isFields, listOf, type Fields } from "../fields.ts";

/** By the servers that use them: DeepSeek and most others, OpenRouter and Groq, GitHub, VS Code's own word. */
const textFields = ["reasoning_content", "reasoning", "reasoning_text", "cot_summary"] as const;

/** The thoughts in a message or a delta, under whichever name; servers that use two say the same in both. */
export function reasoningTextOf(turn: Fields): string | undefined {
  for (const field of textFields) {
    const text = filledOf(turn[field]);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** OpenRouter's list of what a model thought. */
export function detailsOf(turn: Fields): readonly Fields[] {
  const details = turn["reasoning_details"];
  return Array.isArray(details) ? details.filter(isFields) : [];
}

export function textOfDetails(details: readonly Fields[]): string {
  return details.map((detail) => filledOf(detail["text"]) ?? filledOf(detail["summary"]) ?? "").join("");
}

/** A piece of a stream's details added to what came before: texts of one entry come cut into many. */
export function addDetail(details: Fields[], detail: Fields): void {
  const last = details.at(-1);
  const isSame = last !== undefined && last["type"] === detail["type"] && last["index"] === detail["index"];
  const field = detail["type"] === "reasoning.summary" ? "summary" : "text";
  if (!isSame || (detail["type"] !== "reasoning.text" && field !== "summary")) {
    details.push(detail);
    return;
  }
  const merged: Record<string, unknown> = { ...last };
  for (const [key, value] of Object.entries(detail)) {
    if (key !== field && value !== null && value !== undefined && key !== "__proto__") merged[key] = value;
  }
  const text = (filledOf(last[field]) ?? "") + (filledOf(detail[field]) ?? "");
  if (text !== "") merged[field] = text;
  details[details.length - 1] = merged;
}

/** Details as the state that goes back to their maker, and only there. */
export function detailsState(details: readonly Fields[], origin: string): Opaque {
  return { origin, kind: "reasoning-details", data: JSON.stringify(details) };
}

/** The way back of many states: one list. */
export function detailsOfStates(states: readonly Opaque[]): unknown[] {
  return states.flatMap(({ data }) => {
    try {
      return listOf(JSON.parse(data));
    } catch {
      return [];
    }
  });
}

function tokenOf(detail: Fields): string | undefined {
  return [detail["signature"], detail["data"]].map(filledOf).find((token) => token !== undefined && isSealed(token));
}

/** Where clients keep an id for thoughts that they do not understand. */
const referenceFields = ["cot_id", "reasoning_opaque"] as const;

function referencesOf(message: Fields): readonly Opaque[] {
  return referenceFields.flatMap((field) => {
    const token = filledOf(message[field]);
    return token === undefined ? [] : readOpaque(token, "reference");
  });
}

/** What of all the thoughts stands in none of the details. */
function unsealedText(whole: string, known: string): string {
  if (whole.endsWith(known)) return whole.slice(0, whole.length - known.length);
  return whole.startsWith(known) ? whole.slice(known.length) : "";
}

/** Parts with a token of ours each. A stream leaves the text out of the first one's details: it is what remains of the whole. */
function sealedParts(sealed: readonly Fields[], whole: string): ReasoningPart[] {
  let rest = unsealedText(whole, sealed.map((detail) => filledOf(detail["text"]) ?? "").join(""));
  const parts = sealed.map((detail): ReasoningPart => {
    const opaque = readOpaque(tokenOf(detail) ?? "", "reference");
    const own = filledOf(detail["text"]);
    if (own !== undefined || detail["type"] === "reasoning.encrypted")
      return { type: "reasoning", text: own ?? "", opaque };
    const text = rest;
    rest = "";
    return { type: "reasoning", text, opaque };
  });
  return rest === "" ? parts : [{ type: "reasoning", text: rest, opaque: [] }, ...parts];
}

/** The thoughts of an earlier answer, as a client sends them back. */
export function readReturnedReasoning(message: Fields): ReasoningPart[] {
  const details = detailsOf(message);
  const sealed = details.filter((detail) => tokenOf(detail) !== undefined);
  const foreign = details.filter((detail) => tokenOf(detail) === undefined);
  const text = reasoningTextOf(message) ?? textOfDetails(foreign);
  const others = [...referencesOf(message), ...(foreign.length === 0 ? [] : [detailsState(foreign, "")])];
  if (sealed.length === 0)
    return text === "" && others.length === 0 ? [] : [{ type: "reasoning", text, opaque: others }];
  return sealedParts(sealed, text).map((part, index) =>
    index === 0 ? { ...part, opaque: [...part.opaque, ...others] } : part,
  );
}
