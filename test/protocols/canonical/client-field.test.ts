import { expect, test } from "bun:test";
import { clientField } from "../../../src/protocols/canonical/client-field.ts";

test("a setting is told of by the name that the client knows", () => {
  expect(clientField("openai-chat", "maxOutputTokens")).toBe("max_tokens");
  expect(clientField("openai-responses", "maxOutputTokens")).toBe("max_output_tokens");
  expect(clientField("openai-responses", "verbosity")).toBe("text.verbosity");
  expect(clientField("openai-completions", "turns")).toBe("prompt");
  expect(clientField("anthropic-messages", "stop")).toBe("stop_sequences");
  expect(clientField("anthropic-messages", "format")).toBe("output_config.format");
  expect(clientField("gemini-generate", "topK")).toBe("generationConfig.topK");
  expect(clientField("gemini-generate", "count")).toBe("generationConfig.candidateCount");
  expect(clientField("ollama-chat", "repetitionPenalty")).toBe("options.repeat_penalty");
  expect(clientField("ollama-chat", "format")).toBe("format");
  expect(clientField("ollama-generate", "turns")).toBe("prompt");
});
