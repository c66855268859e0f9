import type { ToolCallPart, ToolResultPart } from "../canonical/conversation.ts";
import { isFields, jsonOf, type Fields } from "../fields.ts";
import { lose, type Encoding } from "./encoding.ts";
import { mediaPart } from "./write-media.ts";

/** Numbers that a parse would change. */
const bigNumber = /\d{16}/;

/** A response has to be an object: a JSON object as it is, any other text under a name. */
function responseOf(text: string, isError: boolean): Fields {
  if (isError) return { error: text };
  const value = text.startsWith("{") && !bigNumber.test(text) ? jsonOf(text) : undefined;
  return isFields(value) ? value : { result: text };
}

interface Written {
  response: Fields;
  /** What a response cannot hold; stands behind all of them. */
  behind: Fields[];
}

function behindOf(media: readonly Fields[], name: string): Fields[] {
  return media.length === 0 ? [] : [{ text: `What the tool ${name} returned besides its text:` }, ...media];
}

function writeResult(call: ToolCallPart, result: ToolResultPart, encoding: Encoding): Written {
  const { target, names } = encoding;
  const texts: string[] = [];
  const media: Fields[] = [];
  for (const part of result.parts) {
    if (part.type === "text") texts.push(part.text);
    else if (part.type === "opaque") lose(encoding, `tool result ${result.callId}`);
    else media.push(mediaPart(part, encoding));
  }
  const name = names.upstream(call.name);
  const inside = target.traits.geminiGeneration === 3 ? media.filter((part) => "inlineData" in part) : [];
  const response = {
    id: call.id,
    name,
    response: responseOf(texts.join("\n"), result.isError),
    ...(inside.length === 0 ? {} : { parts: inside }),
  };
  const outside = media.filter((part) => !inside.includes(part));
  return { response: { functionResponse: response }, behind: behindOf(outside, name) };
}

function unanswered(call: ToolCallPart, encoding: Encoding): Written {
  lose(encoding, `tool call ${call.id}`, "it has no result; the model is told so");
  const response = { error: "There is no result of this call." };
  return {
    response: { functionResponse: { id: call.id, name: encoding.names.upstream(call.name), response } },
    behind: [],
  };
}

export interface Answered {
  calls: readonly ToolCallPart[];
  results: readonly ToolResultPart[];
  /** Nothing of the conversation follows the calls. */
  isLast: boolean;
}

/**
 * The results of one turn's calls as parts of one content: one for each call, in the order of the calls. Results nobody
 * called for are lost.
 */
export function resultParts({ calls, results, isLast }: Answered, encoding: Encoding): Fields[] {
  const byCall = new Map<string, ToolResultPart>();
  for (const result of results) {
    const isWanted = calls.some(({ id }) => id === result.callId) && !byCall.has(result.callId);
    if (isWanted) byCall.set(result.callId, result);
    else lose(encoding, `tool result ${result.callId}`, "there is no call that it answers");
  }
  if (isLast && byCall.size === 0) return [];
  const written = calls.map((call) => {
    const result = byCall.get(call.id);
    return result === undefined ? unanswered(call, encoding) : writeResult(call, result, encoding);
  });
  return [...written.map(({ response }) => response), ...written.flatMap(({ behind }) => behind)];
}
