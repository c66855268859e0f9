import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { applyEdits } from "../../../src/lib/json-edit.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { ollamaChat } from "../../../src/protocols/ollama-chat/index.ts";
import { ollamaGenerate } from "../../../src/protocols/ollama-generate/index.ts";
import { mutations } from "../../support/mutations.ts";
import { latin1Of } from "../../../src/lib/latin1.ts";

const limits = { maxDepth: 100 };

function peek(body: string) {
  return ollamaChat.peek(latin1OfUtf8(body), limits);
}

describe("streaming is on", () => {
  for (const stream of ["", ',"stream":true', ',"stream":null', ',"stream":"false"', ',"stream":0'])
    test(`with ${stream === "" ? "nothing said" : stream.slice(1)}`, () => {
      expect(peek(`{"model":"m","messages":[]${stream}}`).stream).toBe(true);
      expect(ollamaGenerate.peek(`{"model":"m","prompt":"x"${stream}}`, limits).stream).toBe(true);
    });
});

test("only a literal false turns streaming off", () => {
  expect(peek('{"stream": false ,"messages":[]}').stream).toBe(false);
  expect(ollamaGenerate.peek('{"stream":false}', limits).stream).toBe(false);
});

test("the model is read, and may be missing", () => {
  expect(peek('{"model":"llama3.2:latest"}').model).toBe("llama3.2:latest");
  expect(peek("{}").model).toBeUndefined();
  expect(peek('{"model":""}').model).toBeUndefined();
  expect(() => peek('{"model":5}')).toThrow("`model` must be a string");
});

test("a request without messages or prompt is one that loads the model, and goes on as it is", () => {
  for (const body of ['{"model":"m"}', '{"model":"m","messages":[]}', '{"model":"m","keep_alive":0}']) {
    const envelope = peek(body);
    expect(envelope.lastUserText(100)).toBeUndefined();
    expect(applyEdits(body, envelope.edits({ model: "m", injectUsage: true }))).toBe(body);
  }
  expect(ollamaGenerate.peek('{"model":"m"}', limits).lastUserText(10)).toBeUndefined();
});

test("only the model's name changes, everything else stays byte for byte", () => {
  const body =
    '{ "options" : {"temperature":1.0}, "model":"m" ,"messages":[{"role":"user","content":"héllo"}],"x":1e2}';
  const text = latin1OfUtf8(body);
  const edits = ollamaChat.peek(text, limits).edits({ model: "größe", injectUsage: true });
  expect(utf8OfLatin1(applyEdits(text, edits))).toBe(body.replace('"m"', '"größe"'));
});

test("the name is added where the client named none", () => {
  const body = '{"messages":[]}';
  expect(applyEdits(body, peek(body).edits({ model: "m", injectUsage: false }))).toBe('{"messages":[],"model":"m"}');
});

test("the last user message is found behind everything else", () => {
  const body = JSON.stringify({
    messages: [
      { role: "user", content: "first" },
      { role: "User", content: "Grüße 世界" },
      { role: "assistant", content: 'the "user" said' },
      { role: "tool", content: "x", tool_name: "user" },
    ],
  });
  expect(peek(body).lastUserText(5)).toBe("Grüße");
  expect(ollamaGenerate.peek('{"prompt":"tell me"}', limits).lastUserText(4)).toBe("tell");
});

test("messages of odd types have no user's text", () => {
  for (const messages of ["5", "{}", "[1,null]", '[{"role":"user","content":[{"text":"x"}]}]'])
    expect(peek(`{"messages":${messages}}`).lastUserText(10) ?? "").toBe("");
  expect(ollamaGenerate.peek('{"prompt":["user"]}', limits).lastUserText(10)).toBeUndefined();
});

test("a body that is no JSON object is refused with the place of the fault", () => {
  for (const body of ["", "[]", '{"model":', "nonsense"]) {
    try {
      peek(body);
      throw new Error("it was taken");
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError);
      expect((error as GatewayError).status).toBe(400);
    }
  }
});

test("damaged bodies are refused or read, and nothing else", () => {
  for (const body of mutations(5000, 11)) {
    const text = latin1Of(body);
    for (const protocol of [ollamaChat, ollamaGenerate]) {
      try {
        protocol.peek(text, { maxDepth: 64 }).lastUserText(100);
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
      }
    }
  }
});
