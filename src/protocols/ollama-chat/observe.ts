import type { EventReader } from "../event-editor.ts";
import { fieldsOf, filledOf, listOf, type Fields } from "../fields.ts";
import type { Observation } from "../protocol.ts";
import { errorLine, failureOf } from "./error.ts";
import type { LineForm } from "./line-form.ts";
import { readUsage } from "./usage.ts";

function callsText(calls: readonly unknown[]): string {
  return calls
    .map((call) => {
      const { name, arguments: input } = fieldsOf(fieldsOf(call)["function"]);
      return `[tool ${typeof name === "string" ? name : ""}] ${input === undefined ? "" : JSON.stringify(input)}`;
    })
    .join("");
}

function observe(observation: Observation, line: Fields): void {
  observation.model = filledOf(line["model"]) ?? observation.model;
  observation.usage = readUsage(line) ?? observation.usage;
  observation.finishReason = filledOf(line["done_reason"]) ?? observation.finishReason;
}

/** What the same lane must know of Ollama's lines. */
export function createLineReader(form: LineForm): EventReader {
  return {
    modelPaths: [["model"]],
    fail: errorLine,
    look(line, observation, textLimit) {
      observe(observation, line);
      const failure = failureOf(line);
      if (failure !== undefined) return { hasContent: false, failure };
      const said = form.saidIn(line);
      const text = filledOf(said[form.textKey]);
      const thinking = filledOf(said["thinking"]);
      const calls = listOf(said["tool_calls"]);
      observation.answerBytes += Buffer.byteLength(text ?? "") + Buffer.byteLength(thinking ?? "");
      if (calls.length > 0) observation.answerBytes += Buffer.byteLength(callsText(calls));
      if (observation.text.length < textLimit)
        observation.text = (observation.text + (text ?? "") + callsText(calls)).slice(0, textLimit);
      const isDone = line["done"] === true;
      const isOnlyEnd = text === undefined && thinking === undefined && calls.length === 0;
      return { hasContent: isDone || !isOnlyEnd, isOnlyEnd, isComplete: isDone, isEnded: isDone };
    },
  };
}
