import type { GatewayError } from "../../errors.ts";
import { createId } from "../../lib/ids.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Usage } from "../../telemetry/request-record.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { Answer, Finish, FinishReason } from "../canonical/conversation.ts";
import type { StreamEncoder, StreamEvent } from "../canonical/stream.ts";
import type { Fields } from "../fields.ts";
import { encodeError } from "../openai-chat/error.ts";
import { brokenAnswer, finishWord } from "../openai-chat/finish.ts";
import { usageShown } from "../openai-chat/usage-shown.ts";

/** There are no tools here; an answer that called one is at its end all the same. */
function wordOf(reason: FinishReason): string {
  return reason === "tool_calls" ? "stop" : finishWord(reason, false);
}

function headOf(upstreamId: string, view: ClientView): Fields {
  return {
    id: upstreamId === "" ? createId("cmpl-") : upstreamId,
    object: "text_completion",
    created: Math.floor(view.startedAt / 1000),
    model: view.model,
  };
}

function choiceOf(text: string, finish: string | null): Fields {
  return { index: 0, text, logprobs: null, finish_reason: finish };
}

/** An answer as a text completion: its text, since there is no place for anything else. */
export function encodeCompletionAnswer({ id, parts, finish, usage, costUsd }: Answer, view: ClientView): Fields {
  const text = parts.map((part) => (part.type === "text" || part.type === "refusal" ? part.text : "")).join("");
  return {
    ...headOf(id, view),
    choices: [choiceOf(text, wordOf(finish.reason))],
    ...(usage === undefined ? {} : { usage: usageShown(usage, costUsd) }),
  };
}

const done = "data: [DONE]\n\n";

/** Events as the chunks of a text completion. */
export function createCompletionEncoder(view: ClientView): StreamEncoder {
  let head: Fields | undefined;
  let isText = false;
  let report: { usage: Usage; costUsd: number | undefined } | undefined;
  let isEnded = false;

  function chunk(fields: Fields): string {
    head ??= headOf("", view);
    return `data: ${latin1OfUtf8(JSON.stringify({ ...head, ...fields }))}\n\n`;
  }

  function fail(error: GatewayError): string {
    if (isEnded) return "";
    isEnded = true;
    return `${chunk({ choices: [choiceOf("", "error")] })}data: ${latin1OfUtf8(encodeError(error).body)}\n\n${done}`;
  }

  function finish({ reason, raw }: Finish): string {
    if (reason === "error") return fail(brokenAnswer(raw));
    isEnded = true;
    const last = chunk({ choices: [choiceOf("", wordOf(reason))] });
    if (!view.wantsUsage || report === undefined) return last + done;
    return last + chunk({ choices: [], usage: usageShown(report.usage, report.costUsd) }) + done;
  }

  function push(event: StreamEvent): string {
    if (event.type === "start") head ??= headOf(event.id, view);
    else if (event.type === "part-start") isText = event.part.type === "text" || event.part.type === "refusal";
    else if (event.type === "part-delta") return isText ? chunk({ choices: [choiceOf(event.text, null)] }) : "";
    else if (event.type === "usage") report = event;
    else if (event.type === "finish") return finish(event.finish);
    else if (event.type === "error") return fail(event.error);
    return "";
  }

  return { push: (event) => (isEnded ? "" : push(event)), fail };
}
