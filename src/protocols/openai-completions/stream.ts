import { latin1OfUtf8, utf8OfLatin1 } from "../../lib/latin1.ts";
import { createEventSplitter, dataOf } from "../../lib/sse.ts";
import { createEventEditor, type Framed, type Framer } from "../event-editor.ts";
import { fieldsOf, isFields, jsonOf } from "../fields.ts";
import { newObservation, type EditorOptions, type StreamEditor } from "../protocol.ts";
import { completionReader, doneMark, encodeErrorInStream } from "./observe.ts";

const doneJson = JSON.stringify({ [doneMark]: true });
const nowhere = (): number => 0;

/** The usage of a chunk that has nothing else, as a message of its own that leaves no text. */
function hidden(framed: Framed): Framed {
  if (!framed.json.includes('"usage"')) return framed;
  const { choices, usage } = fieldsOf(jsonOf(utf8OfLatin1(framed.json)));
  if (!Array.isArray(choices) || choices.length > 0 || !isFields(usage)) return framed;
  return { text: "", json: latin1OfUtf8(JSON.stringify({ choices, usage })), position: nowhere };
}

/** Events with `[DONE]` told apart, and the chunk taken out that only the gateway asked for. */
function createCompletionFramer(hideUsage: boolean): Framer {
  const splitter = createEventSplitter();
  const framed = (event: string): Framed | string => {
    const data = dataOf(event);
    if (data === undefined) return event;
    if (data.text.trim() === doneMark) return { text: event, json: doneJson, position: nowhere };
    const message: Framed = { text: event, json: data.text, position: (offset) => data.position(offset) };
    return hideUsage ? hidden(message) : message;
  };
  return {
    push: (chunk) => splitter.push(chunk).map(framed),
    end() {
      const rest = splitter.rest();
      const data = dataOf(rest)?.text ?? "";
      // Half an event would merge with whatever is written behind it.
      if (data.trim() !== doneMark && !isFields(jsonOf(utf8OfLatin1(data)))) return [];
      return [framed(rest + (rest.endsWith("\n") ? "\n" : "\n\n"))];
    },
    waiting: () => splitter.waiting(),
  };
}

/** Same lane: `model` rewritten, the usage chunk hidden where nobody asked, the rest byte for byte. */
export function createCompletionStreamEditor(options: EditorOptions): StreamEditor {
  const shown = options.modelShown;
  const seen = { editor: undefined as StreamEditor | undefined };
  const editor = createEventEditor({
    ...options,
    framer: createCompletionFramer(options.hideUsage),
    reader: {
      ...completionReader,
      fail(error) {
        const observation = seen.editor?.observation ?? newObservation();
        return encodeErrorInStream(error, observation, shown ?? observation.model ?? "");
      },
    },
  });
  seen.editor = editor;
  return editor;
}
