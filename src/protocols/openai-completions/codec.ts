import { invalidRequest } from "../../errors.ts";
import type { Codec } from "../canonical/codec.ts";
import { decodeCompletionAnswer, createCompletionDecoder } from "./decode-answer.ts";
import { decodeCompletionRequest } from "./decode-request.ts";
import { createCompletionEncoder, encodeCompletionAnswer } from "./encode-answer.ts";

/** A conversation has more than one text could say. */
function encodeRequest(): never {
  throw invalidRequest(
    "A conversation cannot be sent to an upstream that speaks openai-completions only; choose a model whose provider speaks a chat protocol.",
    "model",
  );
}

export const openaiCompletionsCodec: Codec = {
  request: { decode: decodeCompletionRequest, encode: encodeRequest },
  answer: { decode: decodeCompletionAnswer, encode: encodeCompletionAnswer },
  stream: { createDecoder: createCompletionDecoder, createEncoder: createCompletionEncoder },
};
