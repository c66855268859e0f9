import type { LineForm } from "../ollama-chat/line-form.ts";

export const generateForm: LineForm = {
  textKey: "response",
  saidIn: (line) => line,
  open: "",
  close: "",
  saidKeys: ["response", "thinking", "tool_calls", "logprobs"],
  silence: { response: "" },
  isAnswer: (answer) => typeof answer["response"] === "string",
};
