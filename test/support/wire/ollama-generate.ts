import { objectOf } from "./json.ts";
import {
  endOf,
  failureInStream,
  gather,
  headOf,
  imageViolations,
  lineProblems,
  lineType,
  piecesOf,
  refusal,
  sharedViolations,
  textOf,
  wantsStream,
  wholeType,
} from "./ollama-chat.ts";
import type { PlayedRequest, Script, WireProtocol } from "./wire.ts";

/** Ollama's /api/generate. It has no calls: those of a script are left out. */

const fields = ["prompt", "system", "template", "context", "raw", "suffix", "images", "truncate", "shift"];
const texts = ["prompt", "system", "template", "suffix"];

function violationsOf(request: PlayedRequest): string[] {
  const body = objectOf(request.body);
  const found = [...sharedViolations(request, fields), ...imageViolations(body["images"], "images")];
  if (!request.path.startsWith("/api/generate")) found.push(`path ${request.path}`);
  for (const key of texts)
    if (body[key] !== undefined && typeof body[key] !== "string") found.push(`cannot unmarshal ${key} into a string`);
  if (body["raw"] === true && (body["template"] !== undefined || body["system"] !== undefined))
    found.push("raw mode does not support template, system, or context");
  return found;
}

function whole(script: Script): { contentType: string; body: string } {
  const thinking = textOf(script, "reasoning");
  const said = { response: textOf(script, "text"), ...(thinking === "" ? {} : { thinking }) };
  const body = { ...headOf(script), ...said, ...endOf(script), context: [1, 2, 3] };
  return { contentType: wholeType, body: JSON.stringify(body) };
}

function stream(script: Script): { contentType: string; events: string[] } {
  const head = headOf(script);
  const lines = script.parts.flatMap((part) => {
    if (part.type === "tool_call") return [];
    return piecesOf(part.text).map((piece) =>
      part.type === "text" ? { response: piece } : { response: "", thinking: piece },
    );
  });
  const last = { ...head, response: "", ...endOf(script), context: [1, 2, 3] };
  const all = [...lines.map((said) => ({ ...head, ...said, done: false })), last];
  return { contentType: lineType, events: all.map((line) => `${JSON.stringify(line)}\n`) };
}

export const ollamaGenerateWire: WireProtocol = {
  id: "ollama-generate",
  violationsOf,
  wantsStream,
  whole,
  stream,
  refusal,
  failureInStream,
  problemsOf: (text) =>
    lineProblems(text, ({ response }, at) => (typeof response === "string" ? [] : [`${at}: response is no text`])),
  contentOf: (answer) => gather(answer, (line) => ({ text: line["response"], said: line })),
};
