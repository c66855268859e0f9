/** A command that ends with a message for people instead of a stack: 2 = it was called wrongly, 1 = it could not do its work. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = "CliError";
    this.exitCode = exitCode;
  }
}

/** Wrong flags or arguments: exit code 2. */
export function usageError(message: string): CliError {
  return new CliError(message, 2);
}

export interface OutputStream {
  readonly isTTY?: boolean | undefined;
}

/** Whether to colour what goes to `stream`: NO_COLOR forbids, FORCE_COLOR demands, otherwise only terminals get colour. */
export function hasColor(stream: OutputStream = process.stdout, environment: NodeJS.ProcessEnv = process.env): boolean {
  if ((environment["NO_COLOR"] ?? "") !== "") return false;
  const forced = environment["FORCE_COLOR"];
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return stream.isTTY === true && environment["TERM"] !== "dumb";
}

const codes = {
  bold: [1, 22],
  dim: [2, 22],
  underline: [4, 24],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
  gray: [90, 39],
} as const;

export type Paint = (text: string) => string;
export type Palette = Readonly<Record<keyof typeof codes, Paint>>;

/** Colour functions; they return the text as it is when `enabled` is false. */
export function createPalette(enabled: boolean): Palette {
  const paint =
    ([open, close]: readonly [number, number]): Paint =>
    (text) =>
      enabled && text !== "" ? `\u001B[${open}m${text}\u001B[${close}m` : text;
  return Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, paint(code)])) as Palette;
}

/** Colours for stdout, decided when asked: tests may change the environment first. */
export function palette(stream: OutputStream = process.stdout): Palette {
  return createPalette(hasColor(stream));
}

// Line breaks would break a table, escape sequences could rule the terminal, direction marks could reorder what is read.
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu;

/** Foreign text (model names, prompts) made harmless for one line of a terminal. */
export function printable(text: string): string {
  return Bun.stripANSI(text).toWellFormed().replaceAll(unprintable, "·");
}

/** Columns a text takes on a terminal; colours take none, wide characters two. */
export function displayWidth(text: string): number {
  return Bun.stringWidth(text);
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - displayWidth(text))) + text;
}

/** Uncoloured text cut to `width` columns, with `…` at its end when something was cut. */
export function truncate(text: string, width: number): string {
  // A character takes at least a quarter of a column on average (emoji sequences); the rest need not be measured.
  const head = text.slice(0, Math.min(text.length, Math.max(width, 0) * 16));
  if (head.length === text.length && displayWidth(text) <= width) return text;
  let cut = "";
  let used = 0;
  for (const { segment } of new Intl.Segmenter().segment(head)) {
    const size = displayWidth(segment);
    if (used + size > width - 1) break;
    cut += segment;
    used += size;
  }
  return width < 1 ? "" : `${cut}…`;
}

export interface Column<Row> {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Longer texts are cut with `…`. */
  readonly maxWidth?: number;
  /** How far the column may be cut where the table is too wide; it is never cut without. */
  readonly narrowest?: number;
  /** How a text is brought to `maxWidth`; default: its end is cut. */
  readonly shorten?: (text: string, width: number) => string;
  /** Text of a cell without colour; it is made harmless here. */
  readonly text: (row: Row) => string;
  /** Colour of a cell, applied after it was cut and filled up. */
  readonly paint?: (row: Row) => Paint | undefined;
}

/** Rows under bold titles, columns two spaces apart, as lines without a line break at the end. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], colors: Palette = palette()): string {
  const cells = rows.map((row) =>
    columns.map(({ text, maxWidth, shorten = truncate }) => {
      const content = printable(text(row));
      return maxWidth === undefined ? content : shorten(content, maxWidth);
    }),
  );
  const widths = columns.map(({ title }, index) =>
    cells.reduce((width, row) => Math.max(width, displayWidth(row[index] ?? "")), displayWidth(title)),
  );
  const pad = (text: string, index: number): string => {
    if (columns[index]?.align === "right") return padStart(text, widths[index] ?? 0);
    return index === columns.length - 1 ? text : padEnd(text, widths[index] ?? 0);
  };
  const header = columns.map(({ title }, index) => colors.bold(pad(title, index))).join("  ");
  const lines = rows.map((row, at) =>
    columns
      .map(({ paint }, index) => {
        const text = pad(cells[at]?.[index] ?? "", index);
        return paint?.(row)?.(text) ?? text;
      })
      .join("  ")
      .trimEnd(),
  );
  return [header, ...lines].join("\n");
}

function onOutputError(error: Error): void {
  // The reader of a pipe that has seen enough, as `head` does, is no failure.
  if ("code" in error && error.code === "EPIPE") return;
  process.exitCode = 1;
  printNote(`${palette(process.stderr).red("error")}: the output cannot be written: ${error.message}`);
}

/** From now on an output that cannot be written ends in one message and exit code 1, instead of a stack. */
export function watchOutput(): void {
  if (!process.stdout.listeners("error").includes(onOutputError)) process.stdout.on("error", onOutputError);
}

/** Text and a line break on stdout. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A note for people on stderr, where it cannot mix with data. */
export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A value as indented JSON on stdout. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}
