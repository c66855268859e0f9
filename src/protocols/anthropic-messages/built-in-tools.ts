/** Tools that Anthropic defines and the client runs, as plain functions for models that were not trained on them. */
interface BuiltInTool {
  /** How the types of all its versions begin. */
  prefix: string;
  description: string;
  parameters: Readonly<Record<string, unknown>>;
}

const text = (description: string) => ({ type: "string", description });
const line = (description: string) => ({ type: "integer", description });
const range = {
  type: "array",
  items: { type: "integer" },
  description: "First and last line to view, counted from 1; -1 as the last is the end of the file",
};

export const builtInTools: readonly BuiltInTool[] = [
  {
    prefix: "bash_",
    description: "Runs commands in a bash session that keeps its state from one call to the next.",
    parameters: {
      type: "object",
      properties: {
        command: text("The command to run; needed unless the session is restarted"),
        restart: { type: "boolean", description: "Starts the session anew" },
      },
    },
  },
  {
    prefix: "text_editor_",
    description: "Views, creates and edits text files.",
    parameters: {
      type: "object",
      properties: {
        command: { type: "string", enum: ["view", "create", "str_replace", "insert"] },
        path: text("Absolute path of a file or a folder"),
        file_text: text("For create: the content of the new file"),
        old_str: text("For str_replace: the text to replace, which must stand in the file exactly once"),
        new_str: text("For str_replace and insert: the new text"),
        insert_text: text("For insert: the text to put in"),
        insert_line: line("For insert: the line behind which the text goes in; 0 is the beginning"),
        view_range: range,
      },
      required: ["command", "path"],
    },
  },
  {
    prefix: "memory_",
    description: "Keeps notes in files below /memories, which stay from one conversation to the next.",
    parameters: {
      type: "object",
      properties: {
        command: { type: "string", enum: ["view", "create", "str_replace", "insert", "delete", "rename"] },
        path: text("Path below /memories"),
        file_text: text("For create: the content of the new file"),
        old_str: text("For str_replace: the text to replace"),
        new_str: text("For str_replace: the new text"),
        insert_line: line("For insert: the line behind which the text goes in"),
        insert_text: text("For insert: the text to put in"),
        old_path: text("For rename: the path now"),
        new_path: text("For rename: the path then"),
        view_range: range,
      },
      required: ["command"],
    },
  },
];
