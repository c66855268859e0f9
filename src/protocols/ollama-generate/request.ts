import { invalidRequest } from "../../errors.ts";
import type { EncodedRequest, PathFacts, Target } from "../canonical/codec.ts";
import type { Conversation, Loss, Turn } from "../canonical/conversation.ts";
import { filledOf, listOf, type Fields } from "../fields.ts";
import { decodeSettings } from "../ollama-chat/decode-settings.ts";
import { readPictures } from "../ollama-chat/pictures.ts";

const ownFields: ReadonlySet<string> = new Set(["prompt", "system", "images", "suffix", "raw", "template", "context"]);

function textAt(body: Fields, key: string): string {
  const value = body[key] ?? "";
  if (typeof value === "string") return value;
  throw invalidRequest(`\`${key}\` must be a text.`, key);
}

function refuseSuffix(body: Fields): void {
  if (filledOf(body["suffix"]) === undefined) return;
  const message =
    "`suffix` works only with a provider that speaks Ollama's generate itself: put what follows into `prompt`.";
  throw invalidRequest(message, "suffix");
}

function readTurns(body: Fields): Turn[] {
  const prompt = textAt(body, "prompt");
  // Without a prompt the model is loaded, and nothing is said.
  if (prompt === "") return [];
  const system = textAt(body, "system");
  const pictures = readPictures(body["images"], "images");
  const turn: Turn = { role: "user", parts: [...pictures, { type: "text", text: prompt }] };
  return system === "" ? [turn] : [{ role: "system", parts: [{ type: "text", text: system }] }, turn];
}

/** What only the model's own machine can do with a prompt. */
function lossesOf(body: Fields): Loss[] {
  const lost: (string | false)[] = [
    body["raw"] === true && "raw",
    filledOf(body["template"]) !== undefined && "template",
    listOf(body["context"]).length > 0 && "context",
  ];
  const reason = "works only with a provider that speaks ollama-generate";
  return lost.filter((field) => field !== false).map((field) => ({ field, reason }));
}

/** A generate request in the form between protocols; one without a prompt, which asks that the model be loaded, has no turns. */
export function decodeGenerateRequest(body: Fields, _path: PathFacts): Conversation {
  refuseSuffix(body);
  return {
    protocol: "ollama-generate",
    model: filledOf(body["model"]),
    stream: body["stream"] !== false,
    turns: readTurns(body),
    tools: [],
    ...decodeSettings(body, ownFields),
    losses: lossesOf(body),
  };
}

/** A prompt has no turns: conversations go to a provider's other protocols. Throws GatewayError (400). */
export function encodeGenerateRequest(_conversation: Conversation, _target: Target): EncodedRequest {
  throw invalidRequest(
    "A conversation cannot be said in ollama-generate: list `ollama-chat` among the provider's `protocols`.",
  );
}
