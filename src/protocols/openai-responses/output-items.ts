import { createId } from "../../lib/ids.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { ImagePart, Tool } from "../canonical/conversation.ts";
import type { StreamEvent, StreamPart } from "../canonical/stream.ts";
import { fieldsOf, listOf, type Fields } from "../fields.ts";
import type { EventWriter } from "./event-writer.ts";
import { writeWholeItem, type ItemStatus } from "./item-writers.ts";
import {
  createOutputList,
  openCallOutput,
  openText,
  openThoughts,
  type OpenOutput,
  type OpenText,
} from "./open-outputs.ts";

/** The items of an answer, made of the events of its parts. */
export interface OutputItems {
  /** What an event adds to the client's stream (latin1). */
  push(event: StreamEvent): string;
  /** Ends what is open. */
  settle(status: ItemStatus): string;
  /** Whole items, and the open one as far as it got. */
  soFar(): readonly Fields[];
}

export interface OutputOptions {
  view: Pick<ClientView, "conversation">;
  writer: EventWriter;
  responseId: string;
}

type ToolCall = Extract<StreamPart, { type: "tool_call" }>;

/** What is open stays so until something follows its part: only then is it known whether it is whole. */
export function createOutputItems({ view, writer, responseId }: OutputOptions): OutputItems {
  const tools = new Map<string, Tool>(view.conversation.tools.map((tool) => [tool.name, tool]));
  const list = createOutputList(writer, responseId);
  let open: OpenOutput | undefined;
  let text: OpenText | undefined;

  function settle(status: ItemStatus): string {
    const events = open?.close(status) ?? "";
    open = undefined;
    text = undefined;
    return events;
  }

  /** The client's own name and kind of the tool: upstreams know namespaces flat, and custom tools often as functions. */
  function beginCall({ id, name, kind: upstreamKind }: ToolCall): string {
    const tool = tools.get(name);
    const kind = tool?.kind ?? upstreamKind;
    const call = { call_id: id === "" ? createId("call_") : id, ...(tool?.namespace ?? { name }) };
    const output = openCallOutput(list, { call, kind, isWrapped: kind === "custom" && upstreamKind === "function" });
    open = output;
    return output.opening;
  }

  function beginText(kind: "text" | "refusal"): string {
    if (text !== undefined) {
      text.next(kind);
      return "";
    }
    const events = settle("completed");
    text = openText(list, kind);
    open = text;
    return events;
  }

  /** A picture as OpenAI's own tool gives it; one that is elsewhere as a link. */
  function image({ source }: ImagePart): string {
    if (source.kind !== "base64") {
      const url = source.kind === "url" ? source.url : source.id;
      return beginText("text") + (text?.push(`![image](${url})`) ?? "");
    }
    const events = settle("completed");
    const format = source.mediaType.slice(source.mediaType.indexOf("/") + 1);
    const shown = { type: "image_generation_call", status: "completed", output_format: format, result: source.data };
    const place = list.place("ig", shown);
    list.items.push(place.fields);
    return events + writeWholeItem(place, { status: "in_progress", result: null });
  }

  function begin(part: StreamPart): string {
    switch (part.type) {
      case "text":
      case "refusal":
        return beginText(part.type);
      case "image":
        return image(part.image);
      case "tool_call":
        return settle("completed") + beginCall(part);
      case "reasoning":
    }
    const events = settle("completed");
    open = openThoughts(list);
    return events;
  }

  return {
    settle,
    soFar() {
      const unfinished = open?.soFar();
      return unfinished === undefined ? list.items : [...list.items, unfinished];
    },
    push(event) {
      switch (event.type) {
        case "part-start":
          return begin(event.part);
        case "part-delta":
          return open?.push(event.text) ?? "";
        case "part-opaque":
          open?.seal(event.opaque);
          return "";
        case "logprobs":
          text?.addLogprobs(listOf(fieldsOf(event.logprobs)["content"]));
          return "";
        case "start":
        case "part-stop":
        case "usage":
        case "finish":
        case "error":
      }
      return "";
    },
  };
}
