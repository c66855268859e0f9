import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Glob } from "bun";

export const repository = resolve(import.meta.dir, "../..");

/** A fenced block of a document. */
export interface Fence {
  /** Path of the document in the repository. */
  readonly document: string;
  /** Line of the opening fence, counted from 1. */
  readonly line: number;
  readonly language: string;
  /** The HTML comment on the line before, without its marks; empty when there is none. */
  readonly marker: string;
  /** Without the indentation of the fence. */
  readonly text: string;
}

/** Paths of the documents for people: the README files and everything in docs/. */
export function documentPaths(): string[] {
  const found = ["*.md", "docs/**/*.md"].flatMap((pattern) => [...new Glob(pattern).scanSync({ cwd: repository })]);
  return found.map((path) => path.replaceAll("\\", "/")).sort();
}

export function readDocument(path: string): string {
  return readFileSync(join(repository, path), "utf8").replaceAll("\r\n", "\n");
}

const fencePattern =
  /^(?<marker>[ \t]*<!-- (?<comment>[^\n]*?) -->\n)?(?<indent>[ ]*)```(?<language>\w*)\n(?<body>[\s\S]*?)^[ ]*```$/gm;

function fencesIn(document: string): Fence[] {
  const text = readDocument(document);
  return [...text.matchAll(fencePattern)].map(({ index, groups = {} }) => {
    const { marker = "", comment = "", indent = "", language = "", body = "" } = groups;
    return {
      document,
      line: text.slice(0, index + marker.length).split("\n").length,
      language,
      marker: comment,
      text: body.replaceAll(new RegExp(`^ {${indent.length}}`, "gm"), ""),
    };
  });
}

/** The fenced blocks of all documents, or of one. */
export function fences(document?: string): Fence[] {
  return (document === undefined ? documentPaths() : [document]).flatMap(fencesIn);
}

/** `README.md:12`, for the names of tests. */
export function placeOf({ document, line }: Pick<Fence, "document" | "line">): string {
  return `${document}:${line}`;
}
