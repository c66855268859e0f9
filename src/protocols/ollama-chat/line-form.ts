import { fieldsOf, isFields, type Fields } from "../fields.ts";

/** What of an answer stands in one line, in the words that Ollama's chat and generate share. */
export interface Said {
  text?: string | undefined;
  thinking?: string | undefined;
  calls?: readonly unknown[] | undefined;
  /** Base64. */
  images?: readonly string[] | undefined;
}

/** Where a protocol of Ollama's puts what a line says: chat into `message`, generate beside the rest. */
export interface LineForm {
  textKey: "content" | "response";
  /** The object that holds text, thoughts and calls. */
  saidIn(line: Fields): Fields;
  /** What stands around those members in a line's JSON. */
  open: string;
  close: string;
  /** Members of a line that are of the answer itself. */
  saidKeys: readonly string[];
  /** Those of a line that says nothing. */
  silence: Fields;
  /** Whether an answer in one piece is one of this protocol. */
  isAnswer(answer: Fields): boolean;
}

export const chatForm: LineForm = {
  textKey: "content",
  saidIn: (line) => fieldsOf(line["message"]),
  open: `"message":{"role":"assistant",`,
  close: "}",
  saidKeys: ["message", "logprobs"],
  silence: { message: { role: "assistant", content: "" } },
  isAnswer: (answer) => isFields(answer["message"]),
};

/** The members of a line's JSON that say it; the text always stands there. */
export function saidJson(form: LineForm, { text = "", thinking, calls, images }: Said): string {
  let members = `${form.open}"${form.textKey}":${JSON.stringify(text)}`;
  if (thinking !== undefined && thinking !== "") members += `,"thinking":${JSON.stringify(thinking)}`;
  if (images !== undefined && images.length > 0) members += `,"images":${JSON.stringify(images)}`;
  if (calls !== undefined && calls.length > 0) members += `,"tool_calls":${JSON.stringify(calls)}`;
  return members + form.close;
}
