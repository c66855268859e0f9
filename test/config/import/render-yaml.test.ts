import { describe, expect, test } from "bun:test";
import { renderYaml } from "../../../src/config/import/render-yaml.ts";
import { createRandom, randomText } from "../../support/random.ts";

const heading = { title: "Made for a test", notes: [] };

test("sections stand apart, providers carry a warning where a key can be read", () => {
  const tree = {
    providers: { a: { type: "openai", credentials: ["${KEY}"] }, b: { type: "openai", credentials: ["sk-plain"] } },
    models: { "x/*": { targets: [{ provider: "a", model: "*" }] } },
  };
  expect(renderYaml(tree, { title: "Made for a test", notes: ["a.b: left out"] })).toBe(`# Made for a test
# All keys: orcestator config schema. The result: orcestator config show
#
# Not carried over, or different here:
# - a.b: left out

providers:
  a:
    type: openai
    credentials:
      - "\${KEY}"
  # The key stands here for all to read; better "\${NAME}", with NAME=… in .env
  b:
    type: openai
    credentials:
      - sk-plain

models:
  x/*:
    targets:
      - provider: a
        model: "*"
`);
});

describe("whatever the texts are", () => {
  test("the file reads back as it was written", () => {
    const random = createRandom(7);
    for (let round = 0; round < 2000; round += 1) {
      const [key, text] = [`k${randomText(random)}`, randomText(random).toWellFormed()];
      const tree = {
        parameters: { [key.toWellFormed()]: [text, { [text === "<<" ? "x" : text]: text }] },
        providers: { p: { headers: { x: text }, credentials: ["${K}"] } },
      };
      expect(Bun.YAML.parse(renderYaml(tree, heading))).toEqual(tree);
    }
  });

  test("a note cannot leave its comment", () => {
    const random = createRandom(8);
    for (let round = 0; round < 500; round += 1) {
      const notes = [`${randomText(random)}\nadmin: {token: evil}\r${randomText(random)}\u2028x: 1`.toWellFormed()];
      expect(Bun.YAML.parse(renderYaml({ models: {} }, { ...heading, notes }))).toEqual({ models: {} });
    }
  });

  test("long notes are broken between words, no line is wider than the file's", () => {
    const text = renderYaml({}, { ...heading, notes: ["word ".repeat(100)] });
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
  });
});
