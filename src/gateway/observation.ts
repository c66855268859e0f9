import type { Answer, Part } from "../protocols/canonical/conversation.ts";
import { newObservation, type Observation } from "../protocols/protocol.ts";

function isFilled(part: Part): boolean {
  return part.type !== "text" || part.text !== "";
}

/** What a record says of a whole answer that was translated. */
export function observationOf(answer: Answer, textLimit: number): Observation {
  const observation = newObservation();
  const text = answer.parts
    .map((part) => {
      if (part.type === "text" || part.type === "refusal") return part.text;
      return part.type === "tool_call" ? `[tool ${part.name}] ${part.input}` : "";
    })
    .join("");
  observation.text = text.slice(0, textLimit);
  observation.usage = answer.usage;
  observation.costUsd = answer.costUsd;
  observation.upstreamId = answer.id === "" ? undefined : answer.id;
  observation.model = answer.model;
  observation.finishReason = answer.finish.raw ?? answer.finish.reason;
  observation.contentEvents = answer.parts.some(isFilled) ? 1 : 0;
  return observation;
}
