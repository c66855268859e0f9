import { ConfigError, type ConfigProblem, type Origin } from "../config-error.ts";
import { pathText, type ConfigPath } from "../path.ts";

/** What a conversion makes: our configuration file, and what a person should know of it. */
export interface Converted {
  /** In the shape of our file, with `${NAME}` left in. */
  readonly tree: Record<string, unknown>;
  /** One line each: place in the source, and what became of it. Never holds a secret. */
  readonly notes: readonly string[];
}

/** A place in a source: which file, and where in it. */
export interface Place {
  readonly origin: Origin;
  readonly path: ConfigPath;
  /** Put before the path in notes where there are several files. */
  readonly label: string;
}

export interface Findings {
  /** Something that a person should know; places with the same reason become one note. */
  note(place: Place, reason: string): void;
  /** Something that makes the source unusable. */
  refuse(place: Place, message: string): void;
  notes(): string[];
  /** Throws ConfigError with everything that was refused. */
  settle(): void;
}

/** Places that are named in one note; the rest is counted. */
const mostPlaces = 5;

function placeText({ path, label }: Place): string {
  const text = pathText(path);
  if (label === "" || text === "") return label + text;
  return `${label} ${text}`;
}

function noteText(reason: string, places: readonly string[]): string {
  const named = places.slice(0, mostPlaces).join(", ");
  const more = places.length > mostPlaces ? ` and ${places.length - mostPlaces} more` : "";
  return named === "" ? reason : `${named}${more}: ${reason}`;
}

export function createFindings(): Findings {
  const placesByReason = new Map<string, Set<string>>();
  const problems: ConfigProblem[] = [];
  return {
    note(place, reason) {
      const places = placesByReason.get(reason) ?? new Set();
      places.add(placeText(place));
      placesByReason.set(reason, places);
    },
    refuse({ origin, path }, message) {
      problems.push({ kind: "invalid", path: pathText(path), message, origin });
    },
    notes: () => [...placesByReason].map(([reason, places]) => noteText(reason, [...places])),
    settle() {
      if (problems.length > 0) throw new ConfigError(problems);
    },
  };
}
