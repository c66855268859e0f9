const fragments = [
  "{",
  "}",
  "[",
  "]",
  ":",
  "-",
  "'",
  '"',
  "\n",
  "\t",
  "  ",
  "&a ",
  "*a",
  "|",
  ">",
  "${",
  "}",
  "#",
  "__proto__",
  "null",
  "~",
  "1e999",
  "-1",
  "\u0000",
  "\uFEFF",
  "\uD800",
  "!!js ",
  "---\n",
  "<<: ",
  "=",
  "true",
  "💥",
  "%",
  "@",
];

/** A text with one wound: cut off, characters or lines taken out, put in, doubled or replaced by what parsers trip over. */
export function mutilate(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length);
  const length = Math.floor(random() * 12);
  const fragment = fragments[Math.floor(random() * fragments.length)] ?? "";
  switch (Math.floor(random() * 5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + length);
    case 2:
      return text.slice(0, at) + fragment + text.slice(at + length);
    case 3:
      return text.slice(0, at) + text.slice(at, at + length).repeat(3) + text.slice(at);
    default: {
      const lines = text.split("\n");
      const line = Math.floor(random() * lines.length);
      return lines
        .toSpliced(line, 1, ...(random() < 0.5 ? [] : [`  ${lines[line] ?? ""}`, lines[line] ?? ""]))
        .join("\n");
    }
  }
}
