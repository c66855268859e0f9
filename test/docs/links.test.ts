import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { documentPaths, readDocument, repository } from "./documents.ts";

const documents = documentPaths();

function withoutFences(text: string): string {
  return text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
}

/** Targets of `[text](target)` that are no URLs. */
function relativeLinks(document: string): string[] {
  const text = withoutFences(readDocument(document));
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** The names GitHub gives to headings. */
function anchorsOf(document: string): string[] {
  const headings = [...withoutFences(readDocument(document)).matchAll(/^#{1,6} (.+)$/gm)];
  return headings.map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-"),
  );
}

/** What is wrong with a link; `undefined` = nothing. */
function problemOf(document: string, link: string): string | undefined {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? document : posix.join(posix.dirname(document), decodeURIComponent(path));
  if (!existsSync(join(repository, target))) return `${target} is not there`;
  if (anchor === undefined || anchorsOf(target).includes(decodeURIComponent(anchor))) return undefined;
  return `${target} has no heading #${anchor}`;
}

/** File names in code font, as far as they begin with one of our folders or are a room's file. */
function namedFiles(document: string): string[] {
  const text = withoutFences(readDocument(document));
  return [...text.matchAll(/`([\w./-]+\.(?:ts|mjs))`/g)].map(([, name = ""]) => name);
}

function isInRepository(name: string): boolean {
  const folders = ["", "src", "scripts", "test", "test/support", "src/protocols/openai-chat", "src/storage/sqlite"];
  const rooms = [...new Bun.Glob("src/*/").scanSync({ cwd: repository, onlyFiles: false })];
  return [...folders, ...rooms].some((folder) => existsSync(join(repository, folder, name)));
}

describe("the documents", () => {
  test.each(documents)("%s: its relative links lead somewhere", (document) => {
    const problems = relativeLinks(document).flatMap((link) => problemOf(document, link) ?? []);
    expect(problems).toEqual([]);
  });

  test.each(documents)("%s: the source files it names exist", (document) => {
    expect(namedFiles(document).filter((name) => !isInRepository(name))).toEqual([]);
  });

  test("a decision's number is its own", () => {
    const numbers = documents
      .filter((path) => dirname(path) === "docs/decisions")
      .map((path) => posix.basename(path).slice(0, 3));
    expect(numbers).toEqual([...new Set(numbers)]);
  });
});
