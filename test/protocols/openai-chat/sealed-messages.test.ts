import { describe, expect, test } from "bun:test";
import { applyEdits } from "../../../src/lib/json-edit.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { sealOpaque } from "../../../src/protocols/canonical/opaque-token.ts";
import { peekChatRequest } from "../../../src/protocols/openai-chat/request.ts";

const token = sealOpaque([{ origin: "claude", kind: "anthropic-signature", data: "s" }]);

function sent(body: string): string {
  const text = latin1OfUtf8(body);
  const envelope = peekChatRequest(text, { maxDepth: 50 });
  return utf8OfLatin1(applyEdits(text, envelope.edits({ model: "m", injectUsage: false })));
}

describe("what the gateway itself put into an earlier answer", () => {
  test("is taken out of a request in the same lane, and nothing else", () => {
    const marked = `{"role":"assistant", "content":"ü 1.0" ,"cot_id":"rsn_abc",\n "cot_summary":"x","n":1.0}`;
    const sealed = `{"reasoning_details":[{"type":"reasoning.text","signature":"${token}"}],"role":"assistant","reasoning_content":"t"}`;
    const only = `{"cot_id":"rsn_1"}`;
    const user = `{"role":"user","content":"Hi"}`;
    const body = `{"model":"m", "messages":[${[user, marked, sealed, only].join(", ")}]}`;
    const result = sent(body);
    expect(JSON.parse(result)).toEqual({
      model: "m",
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "ü 1.0", n: 1 },
        { role: "assistant", reasoning_content: "t" },
        {},
      ],
    });
    expect(result).toContain(`{"role":"assistant", "content":"ü 1.0","n":1.0}`);
  });

  test("in any order and number leaves a whole object", () => {
    const own = ['"cot_id":"rsn_1"', '"cot_summary":"a"', `"reasoning_details":["${token}"]`, '"reasoning_opaque":"x"'];
    for (let mask = 1; mask < 16; mask += 1) {
      for (let place = 0; place < 3; place += 1) {
        const others = ['"role":"assistant"', '"content":null'];
        others.splice(place, 0, ...own.filter((_field, index) => (mask & (1 << index)) !== 0));
        const body = `{"model":"m","messages":[{${others.join(" , ")}}],"x":"rsn_"}`;
        const { messages } = JSON.parse(sent(body)) as { messages: unknown[] };
        const isMarked = (mask & 5) !== 0;
        if (isMarked) expect(messages).toEqual([{ role: "assistant", content: null }]);
      }
    }
  });

  test("other people's fields of these names stay byte for byte", () => {
    const body = `{"model":"m","messages":[{"role":"assistant","cot_id":"theirs","reasoning_details":[{"data":"x"}]}]}`;
    expect(sent(body)).toBe(body);
  });
});
