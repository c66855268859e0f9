import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { applyEdits } from "../../../src/lib/json-edit.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { peekChatRequest } from "../../../src/protocols/openai-chat/request.ts";
import type { Envelope } from "../../../src/protocols/protocol.ts";
import { randomObject, wounded } from "../../lib/random-json.ts";
import { forSeeds } from "../../lib/seeded.ts";
import { thrownBy } from "../../support/thrown-by.ts";

function peek(text: string): Envelope {
  return peekChatRequest(latin1OfUtf8(text), { maxDepth: 64 });
}

function refusalOf(text: string): GatewayError {
  return thrownBy(() => peek(text));
}

function edited(text: string, target = { model: "vendor/m", injectUsage: false }): string {
  const envelope = peek(text);
  return utf8OfLatin1(applyEdits(envelope.text, envelope.edits(target)));
}

describe("the envelope", () => {
  test.each([
    ['{"model":"a/b","messages":[]}', "a/b"],
    ['{"model":"\\u0061","messages":[]}', "a"],
    ['{"model":"é","messages":[]}', "é"],
    ['{"model":"x","messages":[],"model":"y"}', "y"],
    ['{"model":"","messages":[]}', undefined],
    ['{"model":null,"messages":[]}', undefined],
    ['{"messages":[]}', undefined],
    ['{"messages":[],"x":{"model":"inner"}}', undefined],
  ])("of %p names the model %p", (text, model) => {
    expect(peek(text).model).toBe(model);
  });

  test.each([
    ['"stream":true', true],
    ['"stream" : \n true', true],
    ['"stream":false', false],
    ['"stream":null', false],
    ['"stream":1', false],
    ['"stream":"true"', false],
    ['"stream":true,"stream":false', false],
    ['"x":{"stream":true}', false],
  ])("with %p wants a stream: %p", (member, stream) => {
    expect(peek(`{"messages":[],${member}}`).stream).toBe(stream);
  });

  test.each([
    ['"stream_options":{"include_usage":true}', true],
    ['"stream_options": { "x":1, "include_usage" : true }', true],
    ['"usage":{"include":true}', true],
    ['"stream_options":{"include_usage":false}', false],
    ['"stream_options":{"include_usage":1}', false],
    ['"stream_options":null', false],
    ['"stream_options":[]', false],
    ['"stream_options":"x"', false],
    ['"usage":{"include":"yes"}', false],
    ['"usage":true', false],
    ['"include_usage":true', false],
  ])("with %p wants usage: %p", (member, wantsUsage) => {
    expect(peek(`{"messages":[],${member}}`).wantsUsage).toBe(wantsUsage);
  });

  test("does not judge what the upstream knows better", () => {
    for (const messages of ["null", "{}", '"text"', "[null,1]", '[{"role":"alien"}]'])
      expect(peek(`{"messages":${messages},"temperature":"hot","tools":7}`).stream).toBe(false);
  });
});

describe("a body is refused with 400", () => {
  test.each([
    ["", "empty"],
    [" \n", "empty"],
    ["[]", "must be a JSON object"],
    ['"text"', "must be a JSON object"],
    ["null", "must be a JSON object"],
    ["hello", "must be a JSON object"],
    ["\ufeff{}", "begins with a byte order mark: save it as UTF-8 without BOM"],
    ["\ufeff", "byte order mark"],
    ["\u0000", "must be a JSON object"],
    ["{", "not valid JSON"],
    ['{"messages":[}', "not valid JSON"],
    ['{"messages":[]} x', "not valid JSON"],
    [
      `{"messages":${"[".repeat(100)}${"]".repeat(100)}}`,
      "is nested deeper than 64 levels (at byte 75); the limit is server.maxJsonDepth.",
    ],
    ["{}", "`messages` is missing"],
    ['{"x":{"messages":[]}}', "`messages` is missing"],
    ['{"messages":[],"model":1}', "`model` must be a string"],
    ['{"messages":[],"model":["a"]}', "`model` must be a string"],
    ['{"messages":[],"model":"a\\q"}', "a string has a broken escape at byte 25"],
    ['{"messages":[{"role":"user","content":"a\nb"}]}', "a string has a line break"],
  ])("when it is %p", (text, message) => {
    const { status, code, retryable } = refusalOf(text);
    expect({ status, code, retryable }).toEqual({ status: 400, code: "invalid_request", retryable: false });
    expect(refusalOf(text).message).toContain(message);
  });

  test("when it is UTF-16, in either order, with a mark or without", () => {
    for (const mark of ["", "\ufeff"]) {
      const little = Buffer.from(`${mark}{"messages":[]}`, "utf16le");
      for (const bytes of [little, Buffer.from(little).swap16()]) {
        const refuse = () => peekChatRequest(bytes.toString("latin1"), { maxDepth: 10 });
        expect(refuse).toThrow("The request body looks like UTF-16; send UTF-8.");
      }
    }
  });

  test("naming the field that is wrong", () => {
    expect(refusalOf("{}").param).toBe("messages");
    expect(refusalOf('{"messages":[],"model":1}').param).toBe("model");
    expect(refusalOf("{").param).toBeUndefined();
  });

  test("and never otherwise: 10,000 damaged bodies are taken or refused so", () => {
    forSeeds(10_000, (random) => {
      let text = randomObject(random, 5).text;
      for (let wound = random.below(4); wound > 0; wound -= 1) text = wounded(text, random);
      try {
        const envelope = peekChatRequest(latin1OfUtf8(text), { maxDepth: 6 });
        envelope.lastUserText(20);
        applyEdits(envelope.text, envelope.edits({ model: "m", injectUsage: true }));
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
        expect((error as GatewayError).status).toBe(400);
      }
    });
  });
});

const oddBody = (model: string): string =>
  `{ "messages" : [ {"role":"user","content":"\\"model\\":\\"x\\" é\\u00e9"} ],\r\n "seed":12345678901234567890, "temperature":1.0,\t"model" : ${model} , "x":{"model":"inner"} }\n`;

describe("edits for a target", () => {
  test("change the model and nothing else", () => {
    expect(edited(oddBody('"orcestator"'))).toBe(oddBody('"vendor/m"'));
    expect(edited(oddBody("null"))).toBe(oddBody('"vendor/m"'));
  });

  test("leave no second model behind", () => {
    expect(edited('{"model":"a","messages":[],"mod\\u0065l":"b"}')).toBe(
      '{"model":"vendor/m","messages":[],"mod\\u0065l":"vendor/m"}',
    );
  });

  test("add a missing model", () => {
    expect(edited('{"messages":[] }')).toBe('{"messages":[],"model":"vendor/m" }');
  });

  test("write a model's name as JSON in UTF-8, whatever it holds", () => {
    const model = 'é"\\\n日本';
    expect(JSON.parse(edited('{"messages":[]}', { model, injectUsage: false }))).toEqual({ messages: [], model });
  });

  test.each([
    ['{"messages":[],"model":"m"}', '{"messages":[],"model":"m","stream_options":{"include_usage":true}}'],
    ['{"messages":[]}', '{"messages":[],"model":"m","stream_options":{"include_usage":true}}'],
    [
      '{"messages":[],"model":"m","stream_options":{}}',
      '{"messages":[],"model":"m","stream_options":{"include_usage":true}}',
    ],
    [
      '{"stream_options": { "include_obfuscation":false } ,"messages":[],"model":"m"}',
      '{"stream_options": { "include_obfuscation":false,"include_usage":true } ,"messages":[],"model":"m"}',
    ],
    [
      '{"stream_options":{"include_usage" : false},"messages":[],"model":"m"}',
      '{"stream_options":{"include_usage" : true},"messages":[],"model":"m"}',
    ],
    [
      '{"messages":[],"stream_options":{"include_usage":false}}',
      '{"messages":[],"stream_options":{"include_usage":true},"model":"m"}',
    ],
    [
      '{"stream_options":null,"messages":[],"model":"m"}',
      '{"stream_options":{"include_usage":true},"messages":[],"model":"m"}',
    ],
  ])("ask for usage in %s", (before, after) => {
    expect(edited(before, { model: "m", injectUsage: true })).toBe(after);
  });

  test("give valid JSON with the wanted members for any request", () => {
    forSeeds(3000, (random) => {
      const { text } = randomObject(random, 4);
      const options = random.pick(["", '"stream_options":{ },', '"stream_options":{"a":[]},', '"stream_options":7,']);
      const body = `{${options}"messages":[ ],"extra":${text}}`;
      const result = JSON.parse(edited(body, { model: "m", injectUsage: true })) as Record<string, unknown>;
      expect(result).toMatchObject({ model: "m", messages: [], stream_options: { include_usage: true } });
      expect(result["extra"]).toEqual(JSON.parse(text) as unknown);
    });
  });
});

const textOf = (messages: string, limit = 100): string | undefined =>
  peek(`{"messages":${messages}}`).lastUserText(limit);

describe("the last user text", () => {
  test.each([
    ['[{"role":"user","content":"a"}]', "a"],
    ['[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]', "a"],
    ['[{"role":"user","content":"a"},{"role":"user","content":"é\\n\\u00e9"},{"role":"tool","content":"t"}]', "é\né"],
    [
      '[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{}},{"type":"text","text":"b"}]}]',
      "a [image_url] b",
    ],
    ['[{"role":"user","content":[null,7,"x",{"text":1}]}]', "[part] [part] [part] [part]"],
    ['[{"role":"user","content":null}]', ""],
    ['[{"role":"user"}]', ""],
    ['[null,1,"user",[],{"role":"system","content":"s"}]', undefined],
    ['[{"role":"user","content":"a"},{"role":"tool","content":"\\u0022user\\""}]', "a"],
    ['[{"role":"us\\u0065r","content":"a"} , "user" ]', "a"],
    ["[]", undefined],
    ["{}", undefined],
    ["null", undefined],
  ])("of %s is %p", (messages, text) => {
    expect(textOf(messages)).toBe(text);
  });

  test("is cut at the limit", () => {
    expect(textOf('[{"role":"user","content":"abcdef"}]', 3)).toBe("abc");
  });
});
