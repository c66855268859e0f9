import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { fences, placeOf } from "./documents.ts";

const formats = ["yaml", "toml", "json"];
const written = fences().filter(({ language }) => formats.includes(language));
const examples = written.filter(({ marker }) => marker !== "not a configuration");
const others = written.filter(({ marker }) => marker === "not a configuration");

/** A value of its own for every variable that an example names. */
function environmentFor(text: string): Record<string, string> {
  const names = [...text.matchAll(/(?<!\$)\$\{(\w+)\}/g)].map(([, name = ""]) => name);
  return Object.fromEntries(names.map((name) => [name, `a-key-for-the-test-${name}`]));
}

describe("the documents' examples", () => {
  test.each(examples.map((fence) => [placeOf(fence), fence] as const))(
    "%s is a configuration the gateway starts with",
    (_place, { language, text }) => {
      using folder = temporaryFolder();
      writeFileSync(join(folder.path, `orcestator.${language}`), text);
      const loaded = loadConfig({ cwd: folder.path, env: environmentFor(text) });
      expect(loaded.file).toBe(join(folder.path, `orcestator.${language}`));
      expect(loaded.warnings).toEqual([]);
    },
  );

  test.each(others.map((fence) => [placeOf(fence), fence] as const))(
    "%s can at least be read",
    (_place, { language, text }) => {
      const parse = { json: JSON.parse, yaml: Bun.YAML.parse, toml: Bun.TOML.parse }[language];
      expect(parse?.(text)).toBeObject();
    },
  );
});
