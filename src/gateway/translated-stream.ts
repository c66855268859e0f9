import { GatewayError } from "../errors.ts";
import type { EncodedRequest } from "../protocols/canonical/codec.ts";
import type { Answer, Finish, Part } from "../protocols/canonical/conversation.ts";
import type { StreamDecoder, StreamEncoder, StreamEvent } from "../protocols/canonical/stream.ts";
import { newObservation, type Observation, type StreamEditor, type StreamStep } from "../protocols/protocol.ts";

/** A whole event is held until its end; beyond this it is an attack or a fault. */
const largestEvent = 4 * 1024 * 1024;
/** Some clients' protocols repeat the whole answer at its end, so that it is held. */
const largestAnswer = 64 * 1024 * 1024;

/** What the request's encoder did to tools, to be undone in the answer. */
export type ToolChanges = Pick<EncodedRequest, "toolNames" | "answerTool">;

/** Events as the client knows its tools: names given back, and a tool that only stood for JSON output turned into text. */
function createToolRestorer({ toolNames, answerTool }: ToolChanges): (event: StreamEvent) => StreamEvent {
  if (toolNames === undefined && answerTool === undefined) return (event) => event;
  let calls = 0;
  let answers = 0;
  return (event) => {
    if (event.type === "finish") {
      const wasAnswer = answers > 0 && calls === 0 && event.finish.reason === "tool_calls";
      return wasAnswer ? { ...event, finish: { ...event.finish, reason: "end" } } : event;
    }
    if (event.type !== "part-start" || event.part.type !== "tool_call") return event;
    if (event.part.name === answerTool) {
      answers += 1;
      return { ...event, part: { type: "text" } };
    }
    calls += 1;
    const name = toolNames?.get(event.part.name);
    return name === undefined ? event : { ...event, part: { ...event.part, name } };
  };
}

/** The same for an answer in one piece. */
export function restoreTools(answer: Answer, { toolNames, answerTool }: ToolChanges): Answer {
  if (toolNames === undefined && answerTool === undefined) return answer;
  const parts = answer.parts.map((part): Part => {
    if (part.type !== "tool_call") return part;
    if (part.name === answerTool) return { type: "text", text: part.input };
    return { ...part, name: toolNames?.get(part.name) ?? part.name };
  });
  const isAnswer = answerTool !== undefined && !parts.some(({ type }) => type === "tool_call");
  const finish =
    isAnswer && answer.finish.reason === "tool_calls" ? { ...answer.finish, reason: "end" as const } : answer.finish;
  return { ...answer, parts, finish };
}

/** What a record says of an answer that went by as events. */
function observe(observation: Observation, event: StreamEvent, textLimit: number): void {
  switch (event.type) {
    case "start":
      if (event.id !== "") observation.upstreamId = event.id;
      observation.model = event.model ?? observation.model;
      return;
    case "part-start":
      if (event.part.type === "tool_call" || event.part.type === "image") observation.contentEvents += 1;
      if (event.part.type === "tool_call") addText(observation, `[tool ${event.part.name}] `, textLimit);
      return;
    case "part-delta":
      observation.contentEvents += 1;
      observation.answerBytes += Buffer.byteLength(event.text);
      return;
    case "usage":
      observation.usage = event.usage;
      observation.costUsd = event.costUsd ?? observation.costUsd;
      return;
    case "finish":
      observation.finishReason = event.finish.raw ?? event.finish.reason;
      return;
    case "part-opaque":
    case "part-stop":
    case "logprobs":
    case "error":
  }
}

function addText(observation: Observation, text: string, textLimit: number): void {
  if (observation.text.length < textLimit) observation.text = (observation.text + text).slice(0, textLimit);
}

function isContent(event: StreamEvent): boolean {
  if (event.type === "part-delta" || event.type === "finish") return true;
  return event.type === "part-start" && (event.part.type === "tool_call" || event.part.type === "image");
}

/** An upstream that says at the end that its answer is none, e.g. Gemini's MALFORMED_FUNCTION_CALL. */
export function failureOfFinish({ raw }: Finish): GatewayError {
  const message = `The upstream ended its answer with an error${raw === undefined ? "" : ` (${raw.slice(0, 100)})`}.`;
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true });
}

function tooLarge(what: string): GatewayError {
  return new GatewayError({
    code: "upstream_invalid_response",
    status: 502,
    message: `The upstream sent ${what} bytes.`,
  });
}

export interface TranslatedStreamOptions {
  decoder: StreamDecoder;
  encoder: StreamEncoder;
  tools: ToolChanges;
  textLimit: number;
  /** Told of every event, as the client will know it. */
  onEvent?: ((event: StreamEvent) => void) | undefined;
}

/** Translate lane: an upstream's stream in one protocol becomes the client's in another. */
export function createTranslatedStream(options: TranslatedStreamOptions): StreamEditor {
  const { decoder, encoder, textLimit, onEvent } = options;
  const observation = newObservation();
  const restore = createToolRestorer(options.tools);
  let committed = false;
  let isComplete = false;
  let received = 0;
  /** The part that is open is thoughts: they are no answer's text. */
  let isThinking = false;

  function see(event: StreamEvent): void {
    observe(observation, event, textLimit);
    if (event.type === "part-start") isThinking = event.part.type === "reasoning";
    else if (event.type === "part-delta" && !isThinking) addText(observation, event.text, textLimit);
    if (!committed && isContent(event)) committed = true;
    if (event.type === "finish") isComplete = true;
    onEvent?.(event);
  }

  function run(events: readonly StreamEvent[]): StreamStep {
    let output = "";
    for (const decoded of events) {
      if (decoded.type === "error") return { output, failure: decoded.error };
      if (decoded.type === "finish" && decoded.finish.reason === "error")
        return { output, failure: failureOfFinish(decoded.finish) };
      const event = restore(decoded);
      see(event);
      output += encoder.push(event);
    }
    return { output, failure: undefined };
  }

  return {
    observation,
    hasContent: () => committed,
    isComplete: () => isComplete || decoder.isComplete?.() === true,
    isEnded: () => decoder.isEnded() && isComplete,
    fail: (error) => encoder.fail(error),
    push(chunk) {
      received += chunk.length;
      if (received > largestAnswer) return { output: "", failure: tooLarge(`an answer of more than ${largestAnswer}`) };
      const result = run(decoder.push(chunk));
      if (result.failure !== undefined || decoder.waiting() <= largestEvent) return result;
      return { output: result.output, failure: tooLarge(`an event of more than ${largestEvent}`) };
    },
    end: () => run(decoder.end()),
  };
}
