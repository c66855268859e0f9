import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { applyEdits } from "../../../src/lib/json-edit.ts";
import { latin1Of, latin1OfUtf8 } from "../../../src/lib/latin1.ts";
import type { Opaque } from "../../../src/protocols/canonical/conversation.ts";
import { sealOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { mutations } from "../../support/mutations.ts";

function peek(body: string) {
  return openaiResponses.peek(latin1OfUtf8(body), { maxDepth: 100 });
}

function edited(body: string, model = "gpt-x"): string {
  const envelope = peek(body);
  return applyEdits(envelope.text, envelope.edits({ model, injectUsage: true }));
}

describe("the envelope", () => {
  test("model, stream and usage", () => {
    expect(peek(`{"model":"é","input":"Hi","stream":true}`)).toMatchObject({
      model: "é",
      stream: true,
      wantsUsage: true,
    });
    expect(peek(`{"input":[],"stream":1}`)).toMatchObject({ model: undefined, stream: false });
    expect(peek(`{"mod\\u0065l":"m","input":"Hi"}`).model).toBe("m");
  });

  test.each([
    [`{"input":"Grüße 😀"}`, "Grüße 😀"],
    [
      `{"input":[{"role":"user","content":"one"},{"role":"user","content":"two"},{"type":"function_call","arguments":"user"}]}`,
      "two",
    ],
    [
      `{"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image"}]},{"role":"assistant","content":"user"}]}`,
      "a [input_image]",
    ],
    [`{"input":[{"role":"\\u0075ser","content":"x"}]}`, "x"],
    [`{"input":[{"role":"assistant","content":"x"},"user",null]}`, undefined],
    [`{"input":{}}`, undefined],
    [`{"previous_response_id":"resp_1"}`, undefined],
  ])("the last words of the user in %s", (body, expected) => {
    expect(peek(body).lastUserText(100)).toBe(expected as string);
  });

  test("long words are cut", () => {
    expect(peek(`{"input":"abcdef"}`).lastUserText(3)).toBe("abc");
  });

  test.each([
    ["", "empty"],
    ["[]", "JSON object"],
    [`{"model":"m"}`, "`input` is missing"],
    [`{"model":1,"input":"x"}`, "`model` must be a string"],
    [`{"input":"x"`, "not valid JSON"],
    [`{"input":${"[".repeat(200)}${"]".repeat(200)}}`, "nested deeper than 100 levels"],
  ])("%j is refused", (body, message) => {
    expect(() => peek(body)).toThrow(message);
    expect(() => peek(body)).toThrow(GatewayError);
  });

  test("without input there may be what stands for it", () => {
    for (const field of ["previous_response_id", "prompt", "conversation"])
      expect(() => peek(`{"${field}":"x"}`)).not.toThrow();
  });
});

const item = (token: string): string => `{"type":"reasoning","id":"rs_1", "summary":[],"encrypted_content":"${token}"}`;
const input = (items: string): string => `{"model":"gpt-x","input":[${items}]}`;

describe("edits", () => {
  test("change the model's name and nothing else", () => {
    const body = `{ "input" : "Hi \\u00e9 ", "x":1.0,"model":"a","model" : "b" }`;
    expect(edited(body)).toBe(`{ "input" : "Hi \\u00e9 ", "x":1.0,"model":"gpt-x","model" : "gpt-x" }`);
    expect(edited(`{"input":"Hi"}`, "m-é")).toBe(latin1OfUtf8(`{"input":"Hi","model":"m-é"}`));
  });

  const foreign = sealOpaque([{ origin: "claude", kind: "anthropic-signature", data: "sig" }]);
  const own: Opaque = { origin: "openai", kind: "openai-encrypted", data: 'gAA/"é' };
  const mixed = sealOpaque([{ origin: "g", kind: "gemini-signature", data: "x" }, own]);
  const user = `{"role":"user","content":"é"}`;

  test("reasoning of another upstream goes, with its comma", () => {
    const gone = item(foreign);
    expect(edited(input(`${gone}, ${user}`))).toBe(latin1OfUtf8(input(user)));
    expect(edited(input(`${user} ,${gone}`))).toBe(latin1OfUtf8(input(user)));
    expect(edited(input(`${user}, ${gone} ,${user}`))).toBe(latin1OfUtf8(input(`${user} ,${user}`)));
    expect(edited(input(` ${gone}\n,${gone}, ${user}, ${gone},${gone}`))).toBe(latin1OfUtf8(input(` ${user}`)));
    expect(edited(input(`${gone},${gone}`))).toBe(input(""));
    expect(edited(input(gone))).toBe(input(""));
  });

  test("OpenAI's own is given back as it was", () => {
    const body = input(`${item(foreign)},${user},${item(mixed)}`);
    const restored = `{"type":"reasoning","id":"rs_1", "summary":[],"encrypted_content":${JSON.stringify(own.data)}}`;
    expect(edited(body)).toBe(latin1OfUtf8(input(`${user},${restored}`)));
  });

  test("whatever else looks alike stays", () => {
    for (const items of [
      item("gAAAA"),
      `{"type":"reasoning","summary":[{"type":"summary_text","text":"\\"orc1.x\\""}],"encrypted_content":"gAA"}`,
      `{"type":"message","role":"user","content":[{"type":"input_text","text":"orc1.abc"}]}`,
      `{"type":"compaction","encrypted_content":"${foreign}"}`,
      `"orc1.abc",null,["orc1.abc"]`,
    ])
      expect(edited(input(items))).toBe(input(items));
    expect(edited(`{"model":"gpt-x","input":"${foreign}"}`)).toBe(`{"model":"gpt-x","input":"${foreign}"}`);
  });

  test("a damaged token goes", () => {
    expect(edited(input(`${user},${item("orc1.%%%")}`))).toBe(latin1OfUtf8(input(user)));
  });

  test("any bodies but broken ones come out as JSON, with items removed and nothing else", () => {
    const items = [item(foreign), item(mixed), user, item("gAA")];
    for (let pattern = 0; pattern < 4 ** 4; pattern += 1) {
      const chosen = [0, 2, 4, 6].map((shift) => items[(pattern >> shift) & 3] ?? user);
      const output = JSON.parse(edited(input(chosen.join(" , ")))) as { input: unknown[] };
      expect(output.input).toHaveLength(chosen.filter((text) => text !== item(foreign)).length);
    }
  });
});

test("10,000 damaged bodies are read or refused, quickly", () => {
  let longest = 0;
  for (const bytes of mutations(10_000, 7)) {
    const text = latin1Of(bytes).replaceAll('"messages"', '"input"');
    const from = performance.now();
    try {
      const envelope = openaiResponses.peek(text, { maxDepth: 100 });
      envelope.lastUserText(100);
      applyEdits(text, envelope.edits({ model: "m", injectUsage: true }));
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError);
    }
    longest = Math.max(longest, performance.now() - from);
  }
  expect(longest).toBeLessThan(250);
});
