import { expect, test } from "bun:test";
import { commands } from "../../src/cli/commands.ts";
import { readDocument } from "./documents.ts";

test.each(["README.md", "README.ru.md"])("%s has a row for every command", (document) => {
  const text = readDocument(document);
  const named = Object.keys(commands).filter(
    (name) => text.includes(`| \`orcestator ${name}`) || text.includes(`\`${name}\``),
  );
  expect(named).toEqual(Object.keys(commands));
});

test.each(["README.md", "README.ru.md"])("%s has no command in two rows", (document) => {
  const named = [...readDocument(document).matchAll(/^\| (`orcestator .*?`) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`orcestator ([^`]+)`/g)].map(([, command]) => command),
  );
  expect(named.length).toBeGreaterThan(15);
  expect(named).toEqual([...new Set(named)]);
});
