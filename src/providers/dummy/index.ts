import type { StopSignal } from "../../lib/stop-signal.ts";
import type { Provider } from "../provider.ts";
import { createDummyAnswer, dummyRequestSchema, type DummyAnswer, type DummyRequest } from "./answer.ts";

/** Models whose name ends so pause between the pieces of a stream, as a real one does. */
const slowSuffix = "-slow";
const slowPauseMs = 40;

function usageOf(answer: DummyAnswer): object {
  const { promptTokens, completionTokens } = answer;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function headOf(request: DummyRequest, answer: DummyAnswer, object: string): object {
  return { id: answer.id, object, created: Math.floor(Date.now() / 1000), model: request.model };
}

function toolCallsOf(
  answer: DummyAnswer,
): { id: string; type: "function"; function: { name: string; arguments: string } }[] {
  if (answer.toolCall === undefined) return [];
  const { id, name, arguments: text } = answer.toolCall;
  return [{ id, type: "function", function: { name, arguments: text } }];
}

function finishReasonOf(answer: DummyAnswer): string {
  return answer.toolCall === undefined ? "stop" : "tool_calls";
}

function wholeAnswer(request: DummyRequest, answer: DummyAnswer): Response {
  const calls = toolCallsOf(answer);
  const content = calls.length > 0 ? null : answer.pieces.join("");
  const message = { role: "assistant", content, refusal: null, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
  return Response.json({
    ...headOf(request, answer, "chat.completion"),
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReasonOf(answer) }],
    usage: usageOf(answer),
  });
}

function deltasOf(answer: DummyAnswer): object[] {
  const deltas: object[] = [{ role: "assistant", content: "" }, ...answer.pieces.map((content) => ({ content }))];
  for (const [index, call] of toolCallsOf(answer).entries()) {
    deltas.push({
      tool_calls: [{ index, id: call.id, type: call.type, function: { name: call.function.name, arguments: "" } }],
    });
    for (const piece of call.function.arguments.match(/[^]{1,12}/g) ?? [])
      deltas.push({ tool_calls: [{ index, function: { arguments: piece } }] });
  }
  return deltas;
}

function eventsOf(request: DummyRequest, answer: DummyAnswer): string[] {
  const head = headOf(request, answer, "chat.completion.chunk");
  const chunk = (delta: object, reason: string | null): object => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
  });
  const chunks = [...deltasOf(answer).map((delta) => chunk(delta, null)), chunk({}, finishReasonOf(answer))];
  if (request.stream_options?.include_usage === true) chunks.push({ ...head, choices: [], usage: usageOf(answer) });
  return [...chunks.map((value) => `data: ${JSON.stringify(value)}\n\n`), "data: [DONE]\n\n"];
}

function streamedAnswer(events: string[], pauseMs: number, stop: StopSignal): Response {
  const encoder = new TextEncoder();
  const queue = [...events];
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (stop.reason() !== undefined) {
        controller.error(stop.reason());
        return;
      }
      if (pauseMs > 0) await Bun.sleep(pauseMs);
      const pieces = pauseMs > 0 ? queue.splice(0, 1) : queue.splice(0);
      if (pieces.length > 0) controller.enqueue(encoder.encode(pieces.join("")));
      if (queue.length === 0) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function refuse(message: string): Response {
  return Response.json({ error: { message, type: "invalid_request_error", param: null, code: null } }, { status: 400 });
}

/** Answers inside the process, without key and network: the default of `serve --demo`, and a fixed point for tests. */
export const dummy: Provider = {
  id: "dummy",
  endpoint: () => new URL("http://dummy.invalid/v1/chat/completions"),
  authorize: () => undefined,
  async respond({ body, stop }) {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(body).toString("utf8"));
    } catch {
      return refuse("The request body is not valid JSON.");
    }
    const parsed = dummyRequestSchema.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return refuse(`${issue?.path.join(".") ?? "body"}: ${issue?.message ?? "invalid"}`);
    }
    const answer = createDummyAnswer(parsed.data);
    if (parsed.data.stream !== true) return wholeAnswer(parsed.data, answer);
    const pauseMs = parsed.data.model.endsWith(slowSuffix) ? slowPauseMs : 0;
    return streamedAnswer(eventsOf(parsed.data, answer), pauseMs, stop);
  },
};
