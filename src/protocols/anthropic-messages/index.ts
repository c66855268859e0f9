import type { Protocol } from "../protocol.ts";
import { decodeAnswer } from "./decode-answer.ts";
import { decodeRequest } from "./decode-request.ts";
import { createStreamDecoder } from "./decode-stream.ts";
import { encodeAnswer } from "./encode-answer.ts";
import { encodeRequest } from "./encode-request.ts";
import { createStreamEncoder } from "./encode-stream.ts";
import { decodeError, encodeError, errorEvent } from "./error.ts";
import { peekMessageRequest } from "./request.ts";
import { createMessageStreamEditor, editMessage, streamOfMessage } from "./stream.ts";

/** Anthropic's messages, versions 2023-06-01 and 2026-10-21, as client and as upstream. */
export const anthropicMessages: Protocol = {
  id: "anthropic-messages",
  operation: "chat",
  requestIdHeader: "request-id",
  peek: peekMessageRequest,
  editAnswer: editMessage,
  createStreamEditor: createMessageStreamEditor,
  streamOf: streamOfMessage,
  error: { decode: decodeError, encode: encodeError, encodeInStream: errorEvent },
  heartbeat: 'event: ping\ndata: {"type": "ping"}\n\n',
  streamType: () => "text/event-stream; charset=utf-8",
  codec: {
    request: { decode: decodeRequest, encode: encodeRequest },
    answer: { decode: decodeAnswer, encode: encodeAnswer },
    stream: { createDecoder: createStreamDecoder, createEncoder: createStreamEncoder },
  },
};
