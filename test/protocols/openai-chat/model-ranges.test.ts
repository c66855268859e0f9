import { expect, test } from "bun:test";
import { scanDocument } from "../../../src/lib/json-scan.ts";
import { modelRanges } from "../../../src/protocols/openai-chat/model-ranges.ts";
import { randomDocument } from "../../lib/random-json.ts";
import { forSeeds } from "../../lib/seeded.ts";

function foundIn(text: string): string[] {
  const { model } = JSON.parse(text) as { model?: unknown };
  return modelRanges(text, model, 64).map(({ start, end }) => text.slice(start, end));
}

test.each([
  ['{"model":"a"}', ['"a"']],
  ['{ "model"  :\r\n"a\\"b" ,"x":1}', ['"a\\"b"']],
  ['{"x":{"y":[]},"model":"a"}', ['"a"']],
  ['{"model":"a","x":{"model":"b"}}', ['"a"']],
  ['{"x":{"model":"b"},"model":"a"}', ['"a"']],
  ['{"x":{"model":"b"}}', []],
  ['{"x":"model","model":"a"}', ['"a"']],
  ['{"x":["model"]}', []],
  ['{"x":"model"}', []],
  ['{"x":"\\"model\\":\\"b\\"","model":"a"}', ['"a"']],
  ['{"model":"model"}', ['"model"']],
  ['{"model":"a","model":"b"}', ['"a"', '"b"']],
  ['{"mod\\u0065l":"a"}', ['"a"']],
  ['{"\\u006D\\u006F\\u0064\\u0065\\u006C":"a"}', ['"a"']],
  ['{"x":"\\u0061","model":"a"}', ['"a"']],
  ['{"model":"b","mod\\u0065l":"a"}', ['"b"', '"a"']],
  ['{"model":null,"model":"a"}', ['"a"']],
  ['{"model":"a","model":null}', ['"a"']],
  ['{"model":null}', []],
  ['{"model":{"model":"a"}}', []],
  ['{"mo\\u0064el":{"model":"a"}}', []],
  ['{"model":["model"]}', []],
  ["{}", []],
])("%j names %j", (text, models) => {
  expect(foundIn(text)).toEqual(models);
});

test("a search finds what a scan finds", () => {
  forSeeds(5000, (random) => {
    const { text } = randomDocument(random, 4);
    const scanned = scanDocument(text, 64).members.filter(
      (member) => member.key === "model" && text[member.start] === '"',
    );
    expect({ text, found: foundIn(text) }).toEqual({
      text,
      found: scanned.map(({ start, end }) => text.slice(start, end)),
    });
  });
});
