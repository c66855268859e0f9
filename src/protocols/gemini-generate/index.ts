import type { Protocol } from "../protocol.ts";
import { decodeUpstreamError } from "../upstream-error.ts";
import { createGeminiStreamEditor, editGeminiAnswer, streamOfGeminiAnswer } from "./editor.ts";
import { encodeError, errorInEvents } from "./error.ts";
import { peekGeminiRequest } from "./peek.ts";
import { readAnswer } from "./read-answer.ts";
import { readRequest } from "./read-request.ts";
import { createGeminiStreamDecoder } from "./stream-decoder.ts";
import { createGeminiStreamEncoder } from "./stream-encoder.ts";
import { writeAnswer } from "./write-answer.ts";
import { writeRequest } from "./write-request.ts";

export { conversationToCount } from "./count-tokens.ts";

/** Gemini's generateContent and streamGenerateContent, as client and as upstream. */
export const geminiGenerate: Protocol = {
  id: "gemini-generate",
  operation: "chat",
  peek: peekGeminiRequest,
  editAnswer: editGeminiAnswer,
  createStreamEditor: createGeminiStreamEditor,
  streamOf: streamOfGeminiAnswer,
  error: { decode: decodeUpstreamError, encode: encodeError, encodeInStream: errorInEvents },
  // White space in a JSON array, nothing in a stream of events. Google's SDKs for Go and Python fail at comments, and
  // the one for Go at a single line break too.
  heartbeat: "\n\n",
  streamType: (framing) => (framing === "array" ? "application/json" : "text/event-stream"),
  codec: {
    request: { decode: readRequest, encode: writeRequest },
    answer: { decode: readAnswer, encode: writeAnswer },
    stream: { createDecoder: createGeminiStreamDecoder, createEncoder: createGeminiStreamEncoder },
  },
};
