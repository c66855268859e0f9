import type { GatewayError } from "../../errors.ts";
import type { ToolCallPart } from "../canonical/conversation.ts";
import type { StreamDecoder, StreamEvent, StreamPart } from "../canonical/stream.ts";
import { filledOf, type Fields } from "../fields.ts";
import { parseMessage } from "../json-message.ts";
import { invalidAnswer } from "../upstream-error.ts";
import { finishOf, logprobsOf } from "./answer.ts";
import { createCallReader } from "./decode-calls.ts";
import { failureOf } from "./error.ts";
import type { LineForm } from "./line-form.ts";
import { readUsage } from "./usage.ts";

/** So many lines in a row that cannot be read are no accident. */
const mostUnreadable = 3;

/** The lines of one stream, whole ones only. */
function createLineCutter() {
  let held = "";
  return {
    push(chunk: string): string[] {
      if (!chunk.includes("\n")) {
        held += chunk;
        return [];
      }
      const lines = (held + chunk).split("\n");
      held = lines.pop() ?? "";
      return lines;
    },
    rest(): string {
      const rest = held;
      held = "";
      return rest;
    },
    waiting: () => held.length,
  };
}

/** Ollama's lines as events. */
export function createStreamDecoder(form: LineForm): StreamDecoder {
  const cutter = createLineCutter();
  const readCalls = createCallReader();
  let events: StreamEvent[] = [];
  let hasStarted = false;
  let isEnded = false;
  let hasCalls = false;
  let unreadable = 0;
  let index = -1;
  let open: StreamPart["type"] | undefined;

  function close(): void {
    if (open === undefined) return;
    events.push({ type: "part-stop", index });
    open = undefined;
  }

  function begin(part: StreamPart): void {
    close();
    index += 1;
    open = part.type;
    events.push({ type: "part-start", index, part });
  }

  function say(type: "text" | "reasoning", text: string | undefined): void {
    if (text === undefined) return;
    if (open !== type) begin({ type });
    events.push({ type: "part-delta", index, text });
  }

  function call({ id, name, kind, input }: ToolCallPart): void {
    begin({ type: "tool_call", id, name, kind });
    if (input !== "") events.push({ type: "part-delta", index, text: input });
    close();
    hasCalls = true;
  }

  function fail(error: GatewayError): void {
    isEnded = true;
    events.push({ type: "error", error });
  }

  function finish(line: Fields): void {
    close();
    const usage = readUsage(line);
    if (usage !== undefined) events.push({ type: "usage", usage, costUsd: undefined });
    events.push({ type: "finish", finish: finishOf(line, hasCalls) });
    isEnded = true;
  }

  function skip(): void {
    unreadable += 1;
    if (unreadable < mostUnreadable) return;
    const message = `The upstream sent ${mostUnreadable} lines in a row that are no JSON objects.`;
    fail(invalidAnswer(message));
  }

  function read(text: string): void {
    if (isEnded || text.trim() === "") return;
    const line = parseMessage(text);
    if (line === undefined) return skip();
    unreadable = 0;
    const failure = failureOf(line);
    if (failure !== undefined) return fail(failure);
    if (!hasStarted) events.push({ type: "start", id: "", model: filledOf(line["model"]) });
    hasStarted = true;
    const said = form.saidIn(line);
    say("reasoning", filledOf(said["thinking"]));
    say("text", filledOf(said[form.textKey]));
    const logprobs = logprobsOf(line);
    if (logprobs !== undefined) events.push({ type: "logprobs", logprobs });
    for (const part of readCalls(said["tool_calls"])) call(part);
    if (line["done"] === true) finish(line);
  }

  function taken(): StreamEvent[] {
    const result = events;
    events = [];
    return result;
  }

  return {
    push(chunk) {
      if (isEnded) return [];
      for (const line of cutter.push(chunk)) read(line);
      return taken();
    },
    end() {
      const rest = cutter.rest();
      // Half a line is no broken one: the stream was cut there.
      if (!isEnded && parseMessage(rest) !== undefined) read(rest);
      return taken();
    },
    isEnded: () => isEnded,
    waiting: () => (isEnded ? 0 : cutter.waiting()),
  };
}
