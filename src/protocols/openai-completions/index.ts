import { encodeError } from "../openai-chat/error.ts";
import type { Protocol } from "../protocol.ts";
import { decodeUpstreamError } from "../upstream-error.ts";
import { editCompletionAnswer, streamOfCompletionAnswer } from "./answer.ts";
import { openaiCompletionsCodec } from "./codec.ts";
import { encodeErrorInStream } from "./observe.ts";
import { peekCompletionRequest } from "./request.ts";
import { createCompletionStreamEditor } from "./stream.ts";

/** OpenAI's completions of before chat: a text in, what follows it out. */
export const openaiCompletions: Protocol = {
  id: "openai-completions",
  operation: "chat",
  peek: peekCompletionRequest,
  editAnswer: editCompletionAnswer,
  createStreamEditor: createCompletionStreamEditor,
  streamOf: streamOfCompletionAnswer,
  error: { decode: decodeUpstreamError, encode: encodeError, encodeInStream: encodeErrorInStream },
  heartbeat: ": ping\n\n",
  streamType: () => "text/event-stream; charset=utf-8",
  codec: openaiCompletionsCodec,
};
