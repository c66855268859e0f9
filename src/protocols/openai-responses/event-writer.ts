import type { GatewayError } from "../../errors.ts";
import { latin1OfUtf8 } from "../../lib/latin1.ts";
import type { Fields } from "../fields.ts";
import { failedError } from "./failure.ts";

/** Writes the events of one stream (latin1), numbered without a gap. */
export interface EventWriter {
  write(type: string, fields: Fields): string;
  /** A writer of one kind of delta, which says only what differs. */
  deltas(type: string, fields: Fields): (delta: string) => string;
}

/** `{"a":1}` as what may stand behind other members. */
function furtherMembers(fields: Fields): string {
  return `,${latin1OfUtf8(JSON.stringify(fields)).slice(1)}`;
}

function startOf(type: string): string {
  return `event: ${type}\ndata: {"type":"${type}","sequence_number":`;
}

/** `next` is the number of the first event. */
export function createEventWriter(next = 0): EventWriter {
  let sequence = next;
  return {
    write(type, fields) {
      const text = `${startOf(type)}${sequence}${furtherMembers(fields)}\n\n`;
      sequence += 1;
      return text;
    },
    deltas(type, fields) {
      const start = startOf(type);
      const members = furtherMembers(fields).slice(0, -1);
      // Strict clients want the list in every delta of a text.
      const end = type === "response.output_text.delta" ? ',"logprobs":[]}\n\n' : "}\n\n";
      return (delta) => {
        const text = `${start}${sequence}${members},"delta":${latin1OfUtf8(JSON.stringify(delta))}${end}`;
        sequence += 1;
        return text;
      };
    },
  };
}

/**
 * The end of a stream that broke: `error`, at which the OpenAI SDKs throw, in its published form and in that of the wire;
 * then `response.failed`, which Codex waits for. `failed` is the response as far as it got.
 */
export function failureEvents(writer: EventWriter, error: GatewayError, failed: Fields): string {
  const { code, message } = failedError(error);
  const param = error.param ?? null;
  const type = error.status < 500 ? "invalid_request_error" : "server_error";
  const told = { code, message, param, error: { type, code, message, param } };
  return writer.write("error", told) + writer.write("response.failed", { response: failed });
}
