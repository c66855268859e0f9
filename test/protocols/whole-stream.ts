import type { GatewayError } from "../../src/errors.ts";
import type { StreamDecoder, StreamEncoder, StreamEvent } from "../../src/protocols/canonical/stream.ts";
import type { StreamEditor } from "../../src/protocols/protocol.ts";

export function decodePieces(decoder: StreamDecoder, pieces: Iterable<string>): StreamEvent[] {
  const events: StreamEvent[] = [];
  for (const piece of pieces) for (const event of decoder.push(piece)) events.push(event);
  return [...events, ...decoder.end()];
}

export function encodeEvents(encoder: StreamEncoder, events: Iterable<StreamEvent>): string {
  let output = "";
  for (const event of events) output += encoder.push(event);
  return output;
}

export interface Edited {
  editor: StreamEditor;
  output: string;
  failure: GatewayError | undefined;
}

/** Up to the first failure, as the gateway does. */
export function editPieces(editor: StreamEditor, pieces: Iterable<string>): Edited {
  let output = "";
  for (const piece of pieces) {
    const step = editor.push(piece);
    output += step.output;
    if (step.failure !== undefined) return { editor, output, failure: step.failure };
  }
  const last = editor.end();
  return { editor, output: output + last.output, failure: last.failure };
}
