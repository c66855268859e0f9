import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Usage } from "../../telemetry/request-record.ts";
import { callObject } from "../canonical/call-input.ts";
import type { ClientView } from "../canonical/codec.ts";
import type { Finish, ToolCallPart } from "../canonical/conversation.ts";
import { fieldsOf, type Fields } from "../fields.ts";
import { saidJson, type LineForm, type Said } from "./line-form.ts";
import { countsOf } from "./usage.ts";

const nanosecondsInMs = 1_000_000;

/** A call as Ollama writes it: its arguments are an object. */
export function callShown(
  { id, name, ...call }: Pick<ToolCallPart, "id" | "name" | "input" | "kind">,
  index: number,
): Fields {
  return { id, function: { index, name, arguments: callObject(call).value } };
}

export function logprobsShown(logprobs: unknown): unknown {
  const { content } = fieldsOf(logprobs);
  return Array.isArray(content) && content.length > 0 ? content : undefined;
}

function nanoseconds(startMs: number, endMs: number): number {
  return Math.max(0, Math.round(endMs - startMs)) * nanosecondsInMs;
}

/** A model that was only loaded, or unloaded, said nothing: clients know that by the word. */
function doneReason({ reason, raw }: Finish): string {
  if (raw === "load" || raw === "unload") return raw;
  return reason === "length" || reason === "context" ? "length" : "stop";
}

interface Ending {
  finish: Finish;
  usage: Usage | undefined;
  /** Epoch milliseconds of the first content; `undefined` when all of it came at once. */
  firstAt: number | undefined;
}

/** How an answer ends: why, how long it took, and its tokens. */
export function endingOf({ finish, usage, firstAt }: Ending, { startedAt }: ClientView): Fields {
  const now = Date.now();
  const from = firstAt ?? startedAt;
  const { prompt_eval_count: prompt, eval_count: output } = countsOf(usage);
  return {
    done: true,
    done_reason: doneReason(finish),
    total_duration: nanoseconds(startedAt, now),
    load_duration: 0,
    ...(prompt === undefined ? {} : { prompt_eval_count: prompt }),
    prompt_eval_duration: nanoseconds(startedAt, from),
    ...(output === undefined ? {} : { eval_count: output }),
    eval_duration: nanoseconds(from, now),
  };
}

export interface LineWriter {
  /** A line of the answer (latin1). */
  line(said: Said, logprobs?: unknown): string;
  /** The last line (latin1). */
  last(ending: Ending): string;
}

/** Lines of one stream: all begin alike, so that a delta costs little more than its text. */
export function createLineWriter(form: LineForm, view: ClientView): LineWriter {
  const head = `{"model":${JSON.stringify(view.model)},"created_at":"`;
  let shownMs = Number.NaN;
  let shown = "";

  function start(): string {
    const now = Date.now();
    if (now !== shownMs) {
      shownMs = now;
      shown = `${head}${new Date(now).toISOString()}",`;
    }
    return shown;
  }

  return {
    line(said, logprobs) {
      const behind = logprobs === undefined ? "" : `,"logprobs":${JSON.stringify(logprobs)}`;
      return latin1OfUtf8(`${start()}${saidJson(form, said)},"done":false${behind}}\n`);
    },
    last(ending) {
      const members = JSON.stringify(endingOf(ending, view)).slice(1);
      return latin1OfUtf8(`${start()}${saidJson(form, {})},${members}\n`);
    },
  };
}
