import { describe, expect, test } from "bun:test";
import { fences, readDocument } from "./documents.ts";

const twins = [
  ["README.md", "README.ru.md"],
  ["docs/INSTALL_win11_no_docker.en.md", "docs/INSTALL_win11_no_docker.md"],
  ["docs/INSTALL_docker.en.md", "docs/INSTALL_docker.md"],
] as const;

/** Levels of the headings, in order. */
function outlineOf(document: string): number[] {
  const text = readDocument(document).replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
  return [...text.matchAll(/^(#{1,6}) /gm)].map(([, marks = ""]) => marks.length);
}

/** What is typed or written into files; pictures and comments are translated. */
function codeOf(document: string): string[] {
  return fences(document)
    .filter(({ language }) => language !== "text")
    .map(
      ({ language, marker, text }) => `${marker}\n${language}\n${text.replaceAll(/\s*(?:^|\s)(?:#|\/\/) .*$/gm, "")}`,
    );
}

function linksOf(document: string): string[] {
  return [...readDocument(document).matchAll(/https?:\/\/[^\s)>`|]+/g)].map(([url]) => url);
}

function tableSizesOf(document: string): number[] {
  return [...readDocument(document).matchAll(/(?:^\|.*\n)+/gm)].map(([table]) => table.trimEnd().split("\n").length);
}

describe.each(twins)("%s and %s", (english, russian) => {
  test("have the same outline", () => {
    expect(outlineOf(russian)).toEqual(outlineOf(english));
  });

  test("show the same commands and files", () => {
    expect(codeOf(russian)).toEqual(codeOf(english));
  });

  test("lead to the same pages", () => {
    expect(linksOf(russian).sort()).toEqual(linksOf(english).sort());
  });

  test("have tables of the same size", () => {
    expect(tableSizesOf(russian)).toEqual(tableSizesOf(english));
  });
});
