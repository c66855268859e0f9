import { createId } from "../../lib/ids.ts";
import { callObject } from "../canonical/call-input.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { Answer, Opaque, Part } from "../canonical/conversation.ts";
import { isFields, type Fields } from "../fields.ts";
import { finishWord } from "./finish-reason.ts";
import { logprobsView } from "./logprobs.ts";
import { usageView } from "./usage.ts";
import { mediaView, showsThoughts, signed } from "./write-parts.ts";

function writeParts(parts: readonly Part[], view: ClientView): Fields[] {
  const written: Fields[] = [];
  let states: Opaque[] = [];
  for (const part of parts) {
    switch (part.type) {
      case "text":
      case "refusal":
        if (part.text !== "") written.push({ text: part.text });
        break;
      case "reasoning":
        if (part.text !== "" && showsThoughts(view)) written.push({ text: part.text, thought: true });
        states.push(...part.opaque);
        break;
      case "tool_call": {
        const { id, name } = part;
        const functionCall = { id, name, args: callObject(part).value };
        written.push(signed({ functionCall }, [...states, ...(part.opaque ?? [])]));
        states = [];
        break;
      }
      case "image":
      case "audio":
      case "file":
        written.push(mediaView(part));
        break;
      case "opaque":
        if (part.protocol === "gemini-generate" && isFields(part.value)) written.push(part.value);
        break;
      case "tool_result":
    }
  }
  // Google's own last part has the state of what was said, and no text.
  if (states.length > 0 || written.length === 0) written.push(signed({ text: "" }, states));
  return written;
}

/** An answer as one response. */
export function writeAnswer(answer: Answer, view: ClientView): Fields {
  const candidate = {
    content: { role: "model", parts: writeParts(answer.parts, view) },
    finishReason: finishWord(answer.finish),
    index: 0,
    ...logprobsView(answer.logprobs),
  };
  return {
    candidates: [candidate],
    ...(answer.usage === undefined ? {} : { usageMetadata: usageView(answer.usage) }),
    modelVersion: view.model,
    responseId: answer.id === "" ? createId("") : answer.id,
  };
}
