import { GatewayError } from "../../errors.ts";
import type { Usage } from "../../telemetry/request-record.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { FinishReason } from "../canonical/conversation.ts";
import type { StreamEncoder, StreamEvent } from "../canonical/stream.ts";
import { stringOf } from "../fields.ts";
import { createEventWriter, failureEvents } from "./event-writer.ts";
import { createOutputItems } from "./output-items.ts";
import { brokenResponse, endedResponse, responseOfView, type Ending } from "./response-object.ts";
import { usageView } from "./usage.ts";

/** How an answer ended, in this protocol: it has no finish reason, calls speak for themselves. */
export function endingOf(reason: FinishReason): Pick<Ending, "status" | "reason"> {
  if (reason === "length" || reason === "context") return { status: "incomplete", reason: "max_output_tokens" };
  return reason === "filtered" ? { status: "incomplete", reason: "content_filter" } : { status: "completed" };
}

export function brokenUpstream(raw: string | undefined): GatewayError {
  const said = raw === undefined ? "" : ` (${raw})`;
  const message = `The upstream broke off its answer${said}.`;
  return new GatewayError({ code: "upstream_error", status: 502, message });
}

/** Before its first content a stream says nothing, so that the request can still go elsewhere. */
function beginsContent(event: StreamEvent): boolean {
  if (event.type !== "part-start") return event.type === "part-delta" || event.type === "part-opaque";
  return event.part.type === "tool_call" || event.part.type === "image";
}

/** A stream for a Responses client. */
export function createResponsesEncoder(view: ClientView): StreamEncoder {
  const writer = createEventWriter();
  const response = responseOfView(view);
  const output = createOutputItems({ view, writer, responseId: stringOf(response["id"]) ?? "" });
  let usage: Usage | undefined;
  let isStarted = false;
  let isEnded = false;

  function start(): string {
    if (isStarted) return "";
    isStarted = true;
    return writer.write("response.created", { response }) + writer.write("response.in_progress", { response });
  }

  function finish(reason: FinishReason): string {
    isEnded = true;
    const ending = endingOf(reason);
    const events = output.settle(ending.status);
    const ended = endedResponse(response, { ...ending, output: output.soFar(), usage: usageView(usage) });
    return events + writer.write(`response.${ending.status}`, { response: ended });
  }

  /** What is open stays open: a client must not take half an item for a whole one. */
  function fail(error: GatewayError): string {
    if (isEnded) return "";
    const events = start();
    isEnded = true;
    const failed = brokenResponse({ ...response, usage: usageView(usage) }, error, output.soFar());
    return events + failureEvents(writer, error, failed);
  }

  return {
    fail,
    push(event) {
      if (isEnded) return "";
      switch (event.type) {
        case "usage":
          ({ usage } = event);
          return "";
        case "finish":
          if (event.finish.reason === "error") return fail(brokenUpstream(event.finish.raw));
          return start() + finish(event.finish.reason);
        case "error":
          return fail(event.error);
        case "start":
        case "part-start":
        case "part-delta":
        case "part-opaque":
        case "part-stop":
        case "logprobs":
      }
      const opening = beginsContent(event) ? start() : "";
      return opening + output.push(event);
    },
  };
}
