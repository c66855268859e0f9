import { utf8OfLatin1 } from "../lib/latin1.ts";
import { dataOf } from "../lib/sse.ts";
import { fieldsOf, isFields, jsonOf, type Fields } from "../protocols/fields.ts";
import type { StreamEditor, StreamStep } from "../protocols/protocol.ts";

const terminal = /"response\.(?:completed|incomplete)"/;

/** The response that ends a stream, out of the events that go to the client; `undefined` while it has not come. */
function finalResponse(events: string): Fields | undefined {
  if (!terminal.test(events)) return undefined;
  for (const event of events.split(/\r?\n\r?\n/)) {
    const data = terminal.test(event) ? dataOf(event) : undefined;
    const { response } = fieldsOf(data === undefined ? undefined : jsonOf(utf8OfLatin1(data.text)));
    if (isFields(response)) return response;
  }
  return undefined;
}

/** An editor of a Responses stream that hands on the whole response once it has gone by. */
export function keepingResponse(editor: StreamEditor, onResponse: (response: Fields) => void): StreamEditor {
  const watched = (step: StreamStep): StreamStep => {
    const response = finalResponse(step.output);
    if (response !== undefined) onResponse(response);
    return step;
  };
  return {
    observation: editor.observation,
    hasContent: () => editor.hasContent(),
    isComplete: () => editor.isComplete(),
    isEnded: () => editor.isEnded(),
    push: (chunk) => watched(editor.push(chunk)),
    end: () => watched(editor.end()),
    ...(editor.fail === undefined ? {} : { fail: editor.fail.bind(editor) }),
  };
}
