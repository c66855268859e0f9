import type { GatewayError } from "../../errors.ts";
import type { Usage } from "../../telemetry/request-record.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { Finish } from "../canonical/conversation.ts";
import type { StreamEncoder, StreamEvent, StreamPart } from "../canonical/stream.ts";
import { errorLine } from "./error.ts";
import { callShown, createLineWriter, logprobsShown } from "./line-writer.ts";
import type { LineForm } from "./line-form.ts";
import { brokenAnswer, imageSaid } from "./said.ts";

/** Events as Ollama's lines: one for each delta, a call when it is complete. */
export function createStreamEncoder(form: LineForm, view: ClientView): StreamEncoder {
  const writer = createLineWriter(form, view);
  let open: StreamPart | undefined;
  let input = "";
  let calls = 0;
  let hasThought = false;
  let isNewThought = false;
  let usage: Usage | undefined;
  let firstAt: number | undefined;
  let isEnded = false;

  function begin(part: StreamPart): string {
    open = part;
    input = "";
    isNewThought = part.type === "reasoning" && hasThought;
    return part.type === "image" ? writer.line(imageSaid(part.image)) : "";
  }

  function delta(text: string): string {
    firstAt ??= Date.now();
    if (open?.type === "tool_call") {
      input += text;
      return "";
    }
    if (open?.type !== "reasoning") return writer.line({ text });
    const thinking = isNewThought ? `\n\n${text}` : text;
    hasThought = true;
    isNewThought = false;
    return writer.line({ thinking });
  }

  function stop(): string {
    const part = open;
    open = undefined;
    if (part?.type !== "tool_call") return "";
    const call = callShown({ ...part, input }, calls);
    calls += 1;
    return writer.line({ calls: [call] });
  }

  function likelihoods(logprobs: unknown): string {
    const shown = logprobsShown(logprobs);
    return shown === undefined ? "" : writer.line({}, shown);
  }

  function fail(error: GatewayError): string {
    if (isEnded) return "";
    isEnded = true;
    return errorLine(error);
  }

  function end(finish: Finish): string {
    if (finish.reason === "error") return fail(brokenAnswer(finish.raw));
    isEnded = true;
    return writer.last({ finish, usage, firstAt });
  }

  function push(event: StreamEvent): string {
    switch (event.type) {
      case "part-start":
        return begin(event.part);
      case "part-delta":
        return delta(event.text);
      case "part-stop":
        return stop();
      case "usage":
        ({ usage } = event);
        return "";
      case "logprobs":
        return likelihoods(event.logprobs);
      case "finish":
        return end(event.finish);
      case "error":
        return fail(event.error);
      case "start":
      case "part-opaque":
        break;
    }
    return "";
  }

  return { push: (event) => (isEnded ? "" : push(event)), fail };
}
