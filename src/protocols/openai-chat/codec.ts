import type { Codec } from "../canonical/codec.ts";
import { decodeChatAnswer } from "./decode-answer.ts";
import { decodeChatRequest } from "./decode-request.ts";
import { createChatStreamDecoder } from "./decode-stream.ts";
import { encodeChatAnswer } from "./encode-answer.ts";
import { encodeChatRequest } from "./encode-request.ts";
import { createChatStreamEncoder } from "./encode-stream.ts";

/** Translation of OpenAI chat completions. */
export const openaiChatCodec: Codec = {
  request: { decode: decodeChatRequest, encode: encodeChatRequest },
  answer: { decode: decodeChatAnswer, encode: encodeChatAnswer },
  stream: { createDecoder: createChatStreamDecoder, createEncoder: createChatStreamEncoder },
};
