import type { Protocol } from "../protocol.ts";
import { decodeUpstreamError } from "../upstream-error.ts";
import { editChatAnswer, streamOfChatAnswer } from "./answer.ts";
import { openaiChatCodec } from "./codec.ts";
import { encodeError, encodeErrorInStream } from "./error.ts";
import { peekChatRequest } from "./request.ts";
import { createChatStreamEditor } from "./stream.ts";

/** OpenAI chat completions, as client and as upstream. */
export const openaiChat: Protocol = {
  id: "openai-chat",
  operation: "chat",
  peek: peekChatRequest,
  editAnswer: editChatAnswer,
  createStreamEditor: createChatStreamEditor,
  streamOf: streamOfChatAnswer,
  error: { decode: decodeUpstreamError, encode: encodeError, encodeInStream: encodeErrorInStream },
  heartbeat: ": ping\n\n",
  streamType: () => "text/event-stream; charset=utf-8",
  codec: openaiChatCodec,
};
