import { isFields } from "../fields.ts";
import type { Block } from "./encoding.ts";
import type { Message } from "./encode-turns.ts";

/** More than this many marks are a 400. */
const mostMarks = 4;

function isMarked(block: Block): boolean {
  return isFields(block["cache_control"]);
}

/** The last of the tools and of the system's are worth most, as all turns share them; then the latest of the messages. */
function keptMarks(tools: Block[], system: Block[], messages: Block[], most: number): Set<Block> {
  const shared = [tools.at(-1), system.at(-1)].filter((block) => block !== undefined).slice(0, most);
  const latest = messages.toReversed().slice(0, most - shared.length);
  const rest = [...tools, ...system].filter((block) => !shared.includes(block)).toReversed();
  return new Set([...shared, ...latest, ...rest.slice(0, most - shared.length - latest.length)]);
}

function isLong(block: Block): boolean {
  const mark = block["cache_control"];
  return isFields(mark) && mark["ttl"] === "1h";
}

/** A mark that lasts longer may not stand behind one that lasts less. */
function putInOrder(marked: readonly Block[]): void {
  let isBehindLong = false;
  for (const block of marked.toReversed()) {
    if (isLong(block)) isBehindLong = true;
    else if (isBehindLong) block["cache_control"] = { type: "ephemeral", ttl: "1h" };
  }
}

/** Takes away the marks that are too many; one on the whole request counts as well. */
export function limitCacheMarks(request: {
  tools: Block[];
  system: Block[];
  messages: readonly Message[];
  isMarkedItself: boolean;
}): void {
  const tools = request.tools.filter(isMarked);
  const system = request.system.filter(isMarked);
  const messages = request.messages.flatMap(({ content }) => content).filter(isMarked);
  const most = mostMarks - (request.isMarkedItself ? 1 : 0);
  const kept = keptMarks(tools, system, messages, most);
  const all = [...tools, ...system, ...messages];
  for (const block of all) if (!kept.has(block)) delete block["cache_control"];
  putInOrder(all.filter((block) => kept.has(block)));
}
