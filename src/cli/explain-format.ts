import { localDay, localTime } from "../telemetry/local-time.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { scoreText, stepsOf, tellStory, type Step } from "../telemetry/story.ts";
import { trailOf } from "../telemetry/trail-of.ts";
import type { Trail, TrailCandidate } from "../telemetry/trail.ts";
import { fitColumns } from "./fit-columns.ts";
import { formatMs } from "./format-number.ts";
import { type Column, type Paint, type Palette, printable, table } from "./output.ts";
import { longestModel, shortModel } from "./short-model.ts";

export interface ExplainLayout {
  /** Columns of the terminal; Infinity where the output may be as wide as it needs. */
  width: number;
  colors: Palette;
}

const longestNote = 200;

function modelColumn<Row>(text: (row: Row) => string): Column<Row> {
  return { title: "model", text, maxWidth: longestModel, narrowest: 12, shorten: shortModel };
}

function providerColumn<Row>(text: (row: Row) => string): Column<Row> {
  return { title: "provider", text, maxWidth: 30, narrowest: 8 };
}

function statePaint(state: string, colors: Palette): Paint {
  if (state === "healthy") return colors.green;
  return state === "degraded" ? colors.yellow : colors.red;
}

function candidateColumns(colors: Palette): Column<TrailCandidate>[] {
  return [
    providerColumn(({ provider }) => provider),
    modelColumn(({ model }) => model),
    { title: "state", text: ({ state }) => state, maxWidth: 20, paint: ({ state }) => statePaint(state, colors) },
    { title: "score", align: "right", text: ({ score }) => (score === undefined ? "-" : scoreText(score)) },
    {
      title: "choice",
      text: ({ skipped }) => (skipped === undefined ? "in line" : `left out: ${skipped}`),
      maxWidth: longestNote,
      narrowest: 20,
      paint: ({ skipped }) => (skipped === undefined ? undefined : colors.gray),
    },
  ];
}

function outcomeText({ attempt }: Step): string {
  if (attempt === undefined) return "";
  const { outcome, status } = attempt;
  return status === undefined ? outcome : `${outcome} ${status}`;
}

function outcomePaint({ attempt }: Step, colors: Palette): Paint | undefined {
  if (attempt === undefined) return undefined;
  if (attempt.outcome === "ok") return colors.green;
  return attempt.outcome === "called_off" ? colors.gray : colors.red;
}

function stepColumns(colors: Palette): Column<Step>[] {
  return [
    { title: "at", align: "right", text: ({ atMs }) => formatMs(atMs) },
    { title: "took", align: "right", text: ({ attempt }) => formatMs(attempt?.ms) },
    { title: "kind", text: ({ attempt }) => attempt?.kind.replace("_", " ") ?? "" },
    providerColumn(({ attempt }) => attempt?.provider ?? ""),
    modelColumn(({ attempt }) => attempt?.model ?? ""),
    { title: "credential", text: ({ attempt }) => attempt?.credential ?? "", maxWidth: 30, narrowest: 10 },
    {
      title: "outcome",
      text: outcomeText,
      maxWidth: 40,
      narrowest: 14,
      paint: (step) => outcomePaint(step, colors),
    },
    {
      title: "note",
      text: ({ attempt, sentence }) => (attempt === undefined ? sentence : (attempt.cause ?? "")),
      maxWidth: longestNote,
      narrowest: 20,
    },
  ];
}

/** A titled table, or nothing where there is no row. */
function section<Row>(
  title: string,
  { columns, rows }: { columns: readonly Column<Row>[]; rows: readonly Row[] },
  { width, colors }: ExplainLayout,
): string[] {
  if (rows.length === 0) return [];
  // A column that says nothing in any row only takes room.
  const telling = columns.filter(({ text }) => rows.some((row) => text(row) !== ""));
  return [colors.underline(title), table(fitColumns(telling, rows, width).columns, rows, colors)];
}

function heading({ id, startedAt, status, endReason }: RequestRecord, colors: Palette): string {
  const paint = endReason === "completed" ? colors.green : status >= 500 ? colors.red : colors.yellow;
  const time = colors.gray(`${localDay(startedAt)} ${localTime(startedAt)}`);
  return `${colors.bold(printable(id))}  ${time}  ${paint(`${status} ${printable(endReason)}`)}`;
}

function tables(trail: Trail | undefined, layout: ExplainLayout): string[][] {
  if (trail === undefined) return [];
  const { colors } = layout;
  return [
    section("Targets", { columns: candidateColumns(colors), rows: trail.candidates }, layout),
    section("Way", { columns: stepColumns(colors), rows: stepsOf(trail) }, layout),
  ];
}

/** The story of a request for people: what was asked, who could serve it, what was tried, how it ended. */
export function formatExplanation(record: RequestRecord, layout: ExplainLayout): string {
  const { asked, untold, ended } = tellStory(record);
  const parts = [[heading(record, layout.colors)], asked, ...tables(trailOf(record), layout), untold, ended];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}
