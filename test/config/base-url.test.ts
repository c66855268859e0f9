import { describe, expect, test } from "bun:test";
import { configFolder } from "./folder.ts";

function messageFor(type: string, url: string): string | undefined {
  // With a further mistake, as there has to be one.
  const text = `
providers: {p: {type: ${type}, baseUrl: "${url}", credentials: [abc]}}
models: {m: {targets: [{provider: nobody, model: x}]}}
`;
  using folder = configFolder({ "orcestator.yaml": text });
  const found = Object.fromEntries(folder.fail().problems.map(({ path, message }) => [path, message]));
  expect(found).toHaveProperty(["models.m.targets[0].provider"]);
  return found["providers.p.baseUrl"];
}

describe("a base URL that is an endpoint", () => {
  test.each([
    ["openai-compatible", "https://h.test/v1/chat/completions", "https://h.test/v1"],
    ["openai-compatible", "https://h.test/v1/chat/completions/", "https://h.test/v1"],
    ["openai-compatible", "https://h.test/v1/completions?x=1", "https://h.test/v1"],
    ["openai", "https://h.test/proxy/v1/responses", "https://h.test/proxy/v1"],
    ["openai-compatible", "https://h.test/v1/embeddings", "https://h.test/v1"],
    ["anthropic", "https://h.test/v1/messages", "https://h.test"],
    ["gemini", "https://h.test/v1beta/models/gemini-x:generateContent", "https://h.test"],
    ["gemini", "https://h.test/v1beta/models/gemini-x:streamGenerateContent?alt=sse", "https://h.test"],
    ["ollama", "http://127.0.0.1:11434/api/chat", "http://127.0.0.1:11434"],
    ["openai-compatible", "http://127.0.0.1:11434/api/chat", "http://127.0.0.1:11434, and type: ollama"],
  ])("%s %s is refused with what to write", (type, url, right) => {
    expect(messageFor(type, url)).toMatch(/^must not end with an endpoint \(/);
    expect(messageFor(type, url)).toEndWith(`; write ${right}`);
  });

  test.each([
    ["openai-compatible", "https://h.test/v1"],
    ["openai-compatible", "https://h.test/chat/v1"],
    ["openai-compatible", "https://h.test/embeddings-proxy/v1"],
    ["openai-compatible", "https://messages"],
    ["openai-compatible", "https://messages.test/api"],
    ["anthropic", "https://h.test/responses-of/anthropic"],
  ])("%s %s is none", (type, url) => {
    expect(messageFor(type, url)).toBeUndefined();
  });
});
