export interface DotenvFile {
  readonly values: Readonly<Record<string, string>>;
  /** One text per line that could not be read; they name the line, never its content. */
  readonly warnings: readonly string[];
}

const assignment = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)$/;
const powershell = /^\$env:/i;

function readValue(text: string): string | undefined {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") return text.replace(/(?:^|\s)#.*$/, "").trim();
  const quoted = quote === '"' ? /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/.exec(text) : /^'([^']*)'\s*(?:#.*)?$/.exec(text);
  const inner = quoted?.[1];
  if (inner === undefined || quote === "'") return inner;
  // No \n or \t: values here are keys, URLs and paths, and "C:\new" must survive.
  return inner.replaceAll(/\\(["\\])/g, "$1");
}

/**
 * Reads `NAME=value` lines: `export`, `#` comments, single quotes (as they stand) and double quotes (`\"` and `\\` are escapes).
 * Nothing is expanded and values end with their line. The last of two equal names wins.
 */
export function parseDotenv(text: string): DotenvFile {
  const values: Record<string, string> = Object.create(null);
  const warnings: string[] = [];
  for (const [index, rawLine] of text.split(/\r?\n/).entries()) {
    const line = rawLine.trim();
    if (line === "" || line.startsWith("#")) continue;
    const match = assignment.exec(line);
    const value = match?.[2] === undefined ? undefined : readValue(match[2]);
    if (match?.[1] !== undefined && value !== undefined) {
      values[match[1]] = value;
      continue;
    }
    warnings.push(`line ${index + 1} ${lineProblem(line, match !== null)}`);
  }
  return { values, warnings };
}

function lineProblem(line: string, isAssignment: boolean): string {
  if (isAssignment) return "has a quote that does not end on the same line; it is ignored";
  if (powershell.test(line)) return "is a PowerShell command; write NAME=value without $env: — it is ignored";
  return "is not NAME=value; it is ignored";
}
