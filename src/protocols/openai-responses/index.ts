import { encodeError } from "../openai-chat/error.ts";
import type { Protocol } from "../protocol.ts";
import { decodeUpstreamError } from "../upstream-error.ts";
import { createResponsesStreamEditor, editResponsesAnswer, encodeErrorInStream } from "./same-lane.ts";
import { streamOfAnswer } from "./stream-of-answer.ts";
import { decodeAnswer } from "./decode-answer.ts";
import { encodeAnswer } from "./encode-answer.ts";
import { decodeRequest } from "./decode-request.ts";
import { encodeRequest } from "./encode-request.ts";
import { peekResponsesRequest } from "./request.ts";
import { createResponsesDecoder } from "./stream-decoder.ts";
import { createResponsesEncoder } from "./stream-encoder.ts";

/** OpenAI Responses, as client and as upstream. */
export const openaiResponses: Protocol = {
  id: "openai-responses",
  operation: "chat",
  peek: peekResponsesRequest,
  editAnswer: editResponsesAnswer,
  createStreamEditor: createResponsesStreamEditor,
  streamOf: streamOfAnswer,
  error: { decode: decodeUpstreamError, encode: encodeError, encodeInStream: encodeErrorInStream },
  heartbeat: ": ping\n\n",
  streamType: () => "text/event-stream; charset=utf-8",
  codec: {
    request: { decode: decodeRequest, encode: encodeRequest },
    answer: { decode: decodeAnswer, encode: encodeAnswer },
    stream: { createDecoder: createResponsesDecoder, createEncoder: createResponsesEncoder },
  },
};
