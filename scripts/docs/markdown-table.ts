/** Text that stays in its cell: a pipe would begin the next one. */
function cell(text: string): string {
  return text.replaceAll("|", String.raw`\|`);
}

function line(cells: readonly string[]): string {
  return `| ${cells.map(cell).join(" | ")} |`;
}

/** A Markdown table; no row may have more cells than there are titles. */
export function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A value as it is typed, in code font; prose stays prose, nothing becomes a dash. */
export function codeOrDash(text: string): string {
  if (text === "") return "–";
  return /\s/.test(text) ? text : `\`${text}\``;
}
