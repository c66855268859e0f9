import { invalidRequest } from "../../errors.ts";
import type { Loss, Part, ToolResultPart, Turn } from "../canonical/conversation.ts";
import { isFields, type Fields } from "../fields.ts";
import { createCallLedger, type CallLedger } from "./call-ledger.ts";
import { protoBoolean, protoField, protoList, protoObject, protoText } from "./proto-fields.ts";
import { mediaOf } from "./read-media.ts";
import { readResult } from "./read-results.ts";
import { returnReasoning } from "./returned-reasoning.ts";
import { statesOfSignature } from "./signature.ts";

export interface ReadContents {
  turns: Turn[];
  losses: Loss[];
}

/** Members beside a part's own that change how it is read. */
const partSettings = ["videoMetadata", "mediaResolution"] as const;

function partsOfContent(content: Fields, path: string): { part: Fields; path: string }[] {
  return protoList(content, "parts").map((value, index) => {
    const at = `${path}.parts[${index}]`;
    const part: unknown = typeof value === "string" ? { text: value } : value;
    if (!isFields(part)) throw invalidRequest(`\`${at}\` must be an object.`, at);
    return { part, path: at };
  });
}

function lossesOfPart(part: Fields, path: string): Loss[] {
  return partSettings
    .filter((field) => protoField(part, field) !== undefined)
    .map((field) => ({ field: `${path}.${field}`, reason: "known to gemini-generate only" }));
}

/** Everything but calls, results and signatures; `undefined` for a part that says nothing. */
function plainPart(part: Fields): Part | undefined {
  const { text } = part;
  if (typeof text === "string") {
    if (text === "") return undefined;
    return protoBoolean(part, "thought") === true
      ? { type: "reasoning", text, isSummary: true, opaque: [] }
      : { type: "text", text };
  }
  // Pictures may be thoughts too.
  const media = part["thought"] === true ? undefined : mediaOf(part);
  if (media !== undefined) return media;
  const { thoughtSignature: _camel, thought_signature: _snake, ...value } = part;
  const isEmpty = Object.keys(value).every((key) => key === "thought");
  return isEmpty ? undefined : { type: "opaque", protocol: "gemini-generate", value };
}

/** Streams are kept by clients as they came: the pieces of a text belong together. */
function addPart(parts: Part[], part: Part): void {
  const last = parts.at(-1);
  if (last?.type === "text" && part.type === "text") parts[parts.length - 1] = { ...last, text: last.text + part.text };
  else if (last?.type === "reasoning" && part.type === "reasoning" && last.opaque.length === 0)
    parts[parts.length - 1] = { ...last, text: last.text + part.text };
  else parts.push(part);
}

function addCall(parts: Part[], { part, call, ledger, path }: ModelPart & { call: Fields }): void {
  const name = protoText(call, "name") ?? "";
  const args = protoObject(call, "args", `${path}.functionCall.args`) ?? {};
  const states = statesOfSignature(protoText(part, "thoughtSignature") ?? "");
  const own = states.filter(({ kind, data }) => kind === "gemini-signature" && data !== "");
  returnReasoning(
    parts,
    states.filter(({ kind }) => kind !== "gemini-signature"),
  );
  parts.push({
    type: "tool_call",
    id: ledger.open(protoText(call, "id"), name),
    name,
    kind: "function",
    input: JSON.stringify(args),
    ...(own.length === 0 ? {} : { opaque: own }),
  });
}

interface ModelPart {
  part: Fields;
  ledger: CallLedger;
  path: string;
}

function addModelPart(parts: Part[], { part, ledger, path }: ModelPart): void {
  const call = protoObject(part, "functionCall", `${path}.functionCall`);
  if (call !== undefined) {
    addCall(parts, { part, call, ledger, path });
    return;
  }
  const plain = plainPart(part);
  if (plain !== undefined) addPart(parts, plain);
  const signature = protoText(part, "thoughtSignature");
  if (signature === undefined) return;
  const states = statesOfSignature(signature);
  const own = states.filter(({ kind }) => kind === "gemini-signature");
  returnReasoning(
    parts,
    states.filter(({ kind }) => kind !== "gemini-signature"),
  );
  if (own.length === 0) return;
  const last = parts.at(-1);
  if (plain?.type === "reasoning" && last?.type === "reasoning")
    parts[parts.length - 1] = { ...last, opaque: [...last.opaque, ...own] };
  else parts.push({ type: "reasoning", text: "", opaque: own });
}

function isModel(content: Fields): boolean {
  const role = protoText(content, "role");
  if (role !== undefined) return role === "model" || role === "assistant";
  return protoList(content, "parts").some((part) => isFields(part) && protoField(part, "functionCall") !== undefined);
}

function contentAt(value: unknown, path: string): Fields {
  if (typeof value === "string") return { parts: [{ text: value }] };
  if (isFields(value)) return value;
  throw invalidRequest(`\`${path}\` must be an object with \`role\` and \`parts\`.`, path);
}

function readUserContent(content: Fields, ledger: CallLedger, path: string): Turn[] {
  const results: ToolResultPart[] = [];
  const own: Part[] = [];
  for (const { part, path: at } of partsOfContent(content, path)) {
    const response = protoObject(part, "functionResponse", `${at}.functionResponse`);
    const plain = response === undefined ? plainPart(part) : undefined;
    if (response !== undefined) results.push(readResult(response, ledger, at));
    else if (plain !== undefined) own.push(plain.type === "reasoning" ? { type: "text", text: plain.text } : plain);
  }
  const turns: Turn[] = results.length === 0 ? [] : [{ role: "tool", parts: results }];
  if (own.length > 0) turns.push({ role: protoText(content, "role") === "system" ? "system" : "user", parts: own });
  return turns;
}

/** `contents` as turns. Throws GatewayError (400) that names what cannot be read. */
export function readContents(value: unknown): ReadContents {
  if (value === undefined)
    throw invalidRequest("`contents` is missing; send the conversation as an array.", "contents");
  if (typeof value !== "object" && typeof value !== "string")
    throw invalidRequest("`contents` must be an array.", "contents");
  if (Array.isArray(value) && value.length === 0)
    throw invalidRequest("`contents` is empty; send at least one content.", "contents");
  const ledger = createCallLedger();
  const turns: Turn[] = [];
  const losses: Loss[] = [];
  let open: Part[] | undefined;
  for (const [index, item] of (Array.isArray(value) ? (value as unknown[]) : [value]).entries()) {
    const path = `contents[${index}]`;
    const content = contentAt(item, path);
    losses.push(...partsOfContent(content, path).flatMap(({ part, path: at }) => lossesOfPart(part, at)));
    if (!isModel(content)) {
      open = undefined;
      turns.push(...readUserContent(content, ledger, path));
      continue;
    }
    if (open === undefined) {
      open = [];
      turns.push({ role: "assistant", parts: open });
      ledger.beginTurn();
    }
    for (const { part, path: at } of partsOfContent(content, path)) addModelPart(open, { part, ledger, path: at });
  }
  return { turns: turns.filter(({ parts }) => parts.length > 0), losses };
}

/** `systemInstruction`: a text, a content, or parts. */
export function readSystem(value: unknown): Turn[] {
  if (value === undefined) return [];
  const content = Array.isArray(value) ? { parts: value as unknown[] } : value;
  const fields =
    isFields(content) && "text" in content ? { parts: [content] } : contentAt(content, "systemInstruction");
  const parts = partsOfContent(fields, "systemInstruction").flatMap(({ part }): Part[] => {
    const text = protoText(part, "text");
    return text === undefined ? [] : [{ type: "text", text }];
  });
  return parts.length === 0 ? [] : [{ role: "system", parts }];
}
