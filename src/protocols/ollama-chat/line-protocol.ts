import type { Codec } from "../canonical/codec.ts";
import { createEventEditor, createLineFramer } from "../event-editor.ts";
import type { Protocol } from "../protocol.ts";
import { decodeUpstreamError } from "../upstream-error.ts";
import { decodeAnswer, editOllamaAnswer, streamOfAnswer } from "./answer.ts";
import { encodeError, errorLine } from "./error.ts";
import type { LineForm } from "./line-form.ts";
import { createLineReader } from "./observe.ts";
import { createStreamDecoder } from "./stream-decoder.ts";
import { createStreamEncoder } from "./stream-encoder.ts";

interface LineProtocolOptions extends Pick<Protocol, "id" | "peek"> {
  form: LineForm;
  request: Codec["request"];
  encodeAnswer: Codec["answer"]["encode"];
}

/** What chat and generate have in common: everything but their requests and the form of what is said. */
export function createLineProtocol({ id, peek, form, request, encodeAnswer }: LineProtocolOptions): Protocol {
  const reader = createLineReader(form);
  return {
    id,
    operation: "chat",
    loadsModels: true,
    peek,
    editAnswer: (text, options) => editOllamaAnswer(text, { form, reader, options }),
    createStreamEditor: (options) => createEventEditor({ ...options, reader, framer: createLineFramer() }),
    streamOf: (answer) => streamOfAnswer(answer, form),
    error: { decode: decodeUpstreamError, encode: encodeError, encodeInStream: errorLine },
    heartbeat: "",
    streamType: () => "application/x-ndjson",
    codec: {
      request,
      answer: { decode: (value) => decodeAnswer(value, form), encode: encodeAnswer },
      stream: {
        createDecoder: () => createStreamDecoder(form),
        createEncoder: (view) => createStreamEncoder(form, view),
      },
    },
  };
}
