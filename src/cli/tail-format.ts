import { localDay, localTime } from "../telemetry/local-time.ts";
import { isError, parseTrafficLine, type TrafficLine } from "../telemetry/traffic-line.ts";
import { formatCount, formatMs } from "./format-number.ts";
import { displayWidth, padEnd, padStart, type Paint, type Palette, printable, truncate } from "./output.ts";
import { longestModel, shortModel } from "./short-model.ts";

export interface TailFilter {
  /** Part of the served or asked model name, in any case. */
  model?: string | undefined;
  status?: ((line: TrafficLine) => boolean) | undefined;
  minLatencyMs?: number | undefined;
  /** Part of a line as people read it, in any case. */
  grep?: string | undefined;
}

/** Test for `503`, `5xx`, `error` or `ok`; `undefined` when the text is none of these. */
export function parseStatusFilter(text: string): ((line: TrafficLine) => boolean) | undefined {
  if (text === "error") return isError;
  if (text === "ok") return (line) => line.errorCode === undefined;
  if (/^[1-9]\d\d$/.test(text)) return (line) => line.status === Number(text);
  if (/^[1-9]xx$/i.test(text)) return (line) => Math.floor(line.status / 100) === Number(text[0]);
  return undefined;
}

/** A line passes when it passes every test that is set. */
export function matchesFilter(line: TrafficLine, filter: TailFilter): boolean {
  const { model, status, minLatencyMs, grep } = filter;
  if (status !== undefined && !status(line)) return false;
  if (minLatencyMs !== undefined && (line.latencyMs ?? -1) < minLatencyMs) return false;
  if (model !== undefined && !`${line.model}\n${line.originalModel}`.toLowerCase().includes(model.toLowerCase())) {
    return false;
  }
  if (grep === undefined) return true;
  const { timestamp, user, assistant, errorCode = "" } = line;
  const text = [timestamp, user, assistant, errorCode, line.model, line.originalModel].join("\n");
  return text.toLowerCase().includes(grep.toLowerCase());
}

// JSON may hold these as they are, but a terminal obeys some and many line readers break at the others.
// eslint-disable-next-line no-control-regex
const unsafeInJson = /[\u007f-\u009f\u2028\u2029]/g;

function safeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    unsafeInJson,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** One JSON object with the column names of the log; `null` = not known. */
export function formatTailJson(line: TrafficLine): string {
  return safeJson({
    timestamp: line.timestamp,
    status: line.status,
    error: line.errorCode ?? null,
    user: line.user,
    assistant: line.assistant,
    prompt_tokens: line.promptTokens ?? null,
    completion_tokens: line.completionTokens ?? null,
    latency_ms: line.latencyMs ?? null,
    model: line.model,
    original_model: line.originalModel,
  });
}

const widths = { time: 8, status: 3, latency: 6, prompt: 5, completion: 5 };
const narrowModel = 18;
const wideModel = 26;
const narrowestText = 8;
const arrow = " › ";

interface TailLayout {
  /** Columns of the terminal; Infinity where the output may be as wide as it needs. */
  width: number;
  colors: Palette;
}

function paintOf(line: TrafficLine, colors: Palette): Paint {
  if (line.errorCode === undefined) return colors.green;
  return line.status >= 500 ? colors.red : colors.yellow;
}

/** Line breaks and tabs of a text are just white space in a one-line view of it. */
function oneLine(text: string): string {
  return printable(text.replaceAll(/\s+/g, " ").trim());
}

function conversation(line: TrafficLine, { width, colors }: TailLayout): string {
  const { errorCode } = line;
  if (width < narrowestText) return "";
  if (line.user === "" && line.assistant === "" && errorCode === undefined) return "";
  const failure = errorCode === undefined ? "" : `${errorCode}${line.assistant === "" ? "" : ": "}`;
  const answer = oneLine(failure + line.assistant);
  // The question may have 40 % of the room, and what the answer leaves free.
  const free = width - arrow.length - Math.min(displayWidth(answer), width);
  const question = truncate(oneLine(line.user), Math.max(Math.floor(width * 0.4), free));
  const shown = truncate(answer, width - displayWidth(question) - arrow.length);
  return question + colors.gray(arrow) + (errorCode === undefined ? shown : paintOf(line, colors)(shown));
}

function columnsOf(line: TrafficLine, { width, colors }: TailLayout): string {
  const modelWidth = width < 110 ? narrowModel : wideModel;
  const model = printable(line.model === "" ? line.originalModel : line.model);
  const tokens = [
    padStart(formatCount(line.promptTokens), widths.prompt),
    padEnd(formatCount(line.completionTokens), widths.completion),
  ];
  const cells = [
    colors.gray(localTime(Date.parse(line.timestamp))),
    paintOf(line, colors)(padEnd(String(line.status), widths.status)),
    padStart(formatMs(line.latencyMs), widths.latency),
    tokens.join(colors.gray("→")),
    colors.cyan(padEnd(shortModel(model, width === Number.POSITIVE_INFINITY ? longestModel : modelWidth), modelWidth)),
  ];
  const used = Object.values(widths).reduce((sum, cell) => sum + cell, 0) + 1 + modelWidth + cells.length;
  return `${cells.join(" ")} ${conversation(line, { width: width - used, colors })}`.trimEnd();
}

/** Turns raw lines into what is printed, in order; `undefined` = nothing. */
export type TailRenderer = (raw: string) => string | undefined;

export interface TailRendererOptions {
  mode: "people" | "raw" | "json";
  filter: TailFilter;
  layout: TailLayout;
}

function hasFilter(filter: TailFilter): boolean {
  return Object.values(filter).some((value) => value !== undefined);
}

/** People get aligned columns with a rule where a new day begins; lines of another format pass only where no filter is set. */
export function createTailRenderer({ mode, filter, layout }: TailRendererOptions): TailRenderer {
  const isFiltered = hasFilter(filter);
  let day = "";

  function forPeople(line: TrafficLine): string {
    const lineDay = localDay(Date.parse(line.timestamp));
    const rule = lineDay === day ? "" : `${layout.colors.gray(`── ${lineDay} ──`)}\n`;
    day = lineDay;
    return rule + columnsOf(line, layout);
  }

  return (raw) => {
    const line = parseTrafficLine(raw);
    if (line === undefined) {
      if (isFiltered || raw === "") return undefined;
      if (mode === "json") return safeJson({ unparsed: raw });
      return mode === "raw" ? raw : layout.colors.gray(printable(raw));
    }
    if (!matchesFilter(line, filter)) return undefined;
    if (mode === "raw") return raw;
    return mode === "json" ? formatTailJson(line) : forPeople(line);
  };
}
