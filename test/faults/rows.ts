import type { Row } from "./row.ts";
import { endingRows, errorInsideRows, giantRows, oddityRows, strangeRows } from "./rows-answers.ts";
import { breakRows, malformedRows, placeRows, silenceRows } from "./rows-connections.ts";
import { limitRows, redirectRows, silentRefusalRows, statusRows } from "./rows-refusals.ts";

/** The whole table, in the groups in which it is tried; `sink` is where redirects point. */
export const groups = {
  connections: () => placeRows,
  silences: () => [...silenceRows, ...silentRefusalRows],
  breaks: () => [...breakRows, ...malformedRows],
  refusals: (sink) => [...statusRows, ...redirectRows(sink)],
  limits: () => limitRows,
  answers: () => [...errorInsideRows, ...strangeRows, ...endingRows],
  giants: () => giantRows,
  oddities: () => oddityRows,
} satisfies Record<string, (sink: string) => readonly Row[]>;

export type GroupName = keyof typeof groups;
export const groupNames = Object.keys(groups) as GroupName[];
