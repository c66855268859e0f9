import { inspect } from "node:util";
import { createConsola, type ConsolaInstance, type LogObject } from "consola";

export type Logger = ConsolaInstance;

const levels = { silent: -999, error: 0, warn: 1, info: 3, debug: 4 } as const;

export type LogLevel = keyof typeof levels;

const badges: Readonly<Record<string, { text: string; color: string }>> = {
  error: { text: "ERROR", color: "\u001b[31m" },
  fatal: { text: "ERROR", color: "\u001b[31m" },
  warn: { text: "WARN ", color: "\u001b[33m" },
  debug: { text: "DEBUG", color: "\u001b[90m" },
};

const timeOf = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

let shownSecond = Number.NaN;
let shownTime = "";

/** Lines come in bursts: formatting a time costs more than the rest of a line. */
function timeAt(date: Date): string {
  const second = Math.floor(date.getTime() / 1000);
  if (second !== shownSecond) {
    shownSecond = second;
    shownTime = timeOf.format(date);
  }
  return shownTime;
}

/** The message of a log entry. Errors bring their stack: they are bugs. */
function textOf(args: readonly unknown[]): string {
  return args.map((arg) => (typeof arg === "string" ? arg : inspect(arg))).join(" ");
}

/** One line: local time, a word for what is not ordinary, the message. */
export function formatLogLine(
  { date, type, args }: Pick<LogObject, "date" | "type" | "args">,
  hasColor: boolean,
): string {
  const badge = badges[type];
  const text = textOf(args);
  const time = timeAt(date);
  if (!hasColor) return badge === undefined ? `${time}  ${text}` : `${time}  ${badge.text} ${text}`;
  const mark = badge === undefined ? "" : `${badge.color}${badge.text}\u001b[0m `;
  return `\u001b[90m${time}\u001b[0m  ${mark}${text}`;
}

export function consoleHasColor(): boolean {
  return process.stderr.isTTY && !process.env["NO_COLOR"];
}

/** The console. Everything goes to stderr, so that a pipe of stdout gets only what a command prints on purpose. */
export function createLogger(level: LogLevel): Logger {
  const hasColor = consoleHasColor();
  return createConsola({
    level: levels[level],
    reporters: [{ log: (entry) => void process.stderr.write(`${formatLogLine(entry, hasColor)}\n`) }],
  });
}

/** A line of another process's console. */
export interface LogLine {
  readonly type: LogObject["type"];
  readonly text: string;
}

/** The console of a process that has none of its own. */
export function createRelayedLogger(level: LogLevel, tell: (line: LogLine) => void): Logger {
  const log = ({ type, args }: LogObject): void => tell({ type, text: textOf(args) });
  return createConsola({ level: levels[level], reporters: [{ log }] });
}
