import { expect, test } from "bun:test";
import { sessionHeaders } from "../../src/routing/session-key.ts";
import { readDocument } from "./documents.ts";

test("the headers that say which session a request is of stand in docs/routing.md, in their order", () => {
  const text = readDocument("docs/routing.md");
  const named = sessionHeaders.map((name) => text.indexOf(`\`${name}\``));
  expect(named).not.toContain(-1);
  expect(named).toEqual(named.toSorted((left, right) => left - right));
});
