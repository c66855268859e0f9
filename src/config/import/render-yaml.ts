import { isPlainObject } from "../path.ts";

export interface Heading {
  /** First line, e.g. whose configuration this was. */
  readonly title: string;
  readonly notes: readonly string[];
}

const widestComment = 118;

/** Line breaks would end the comment. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}

function comment(text: string, first = "# ", next = "#   "): string[] {
  const lines: string[] = [];
  let line = first;
  for (const word of oneLine(text).split(" ")) {
    const isEmpty = line === first || line === next;
    if (!isEmpty && line.length + word.length > widestComment) {
      lines.push(line.trimEnd());
      line = next;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

function heading({ title, notes }: Heading): string[] {
  const list = notes.flatMap((note) => comment(note, "# - "));
  const told = list.length === 0 ? [] : ["#", "# Not carried over, or different here:", ...list];
  return [...comment(title), "# All keys: orcestator config schema. The result: orcestator config show", ...told];
}

function block(key: string, value: unknown): string {
  return Bun.YAML.stringify({ [key]: value }, null, 2);
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}

/** Secrets in a file want to be seen by its owner. */
function attention(provider: unknown): string {
  const credentials = isPlainObject(provider) ? provider["credentials"] : undefined;
  const isPlainText = Array.isArray(credentials) && credentials.some((key) => !String(key).startsWith("${"));
  return isPlainText ? '  # The key stands here for all to read; better "${NAME}", with NAME=… in .env\n' : "";
}

function section(key: string, value: unknown): string {
  if (key !== "providers" || !isPlainObject(value)) return block(key, value);
  const providers = Object.entries(value).map(([name, body]) => attention(body) + indented(block(name, body)));
  return ["providers:", ...providers].join("\n");
}

/** A configuration as a file for people: what they should know first, one part after the other. */
export function renderYaml(tree: Readonly<Record<string, unknown>>, about: Heading): string {
  const sections = Object.entries(tree).map(([key, value]) => section(key, value));
  return `${[heading(about).join("\n"), ...sections].join("\n\n")}\n`;
}
