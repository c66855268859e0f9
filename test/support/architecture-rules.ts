import { posix } from "node:path";

/** Source text by path inside src/, with forward slashes. */
export type Sources = ReadonlyMap<string, string>;

/** Rooms from the lowest layer to the highest; those in one row do not know each other. */
const layers: readonly (readonly string[])[] = [
  ["lib", "errors.ts", "version.ts"],
  ["config", "telemetry"],
  ["transport", "protocols", "coordination", "storage", "prices"],
  ["providers", "keys", "limits"],
  ["routing"],
  ["gateway", "admin"],
  ["dashboard"],
  ["http"],
  ["runtime"],
  ["cli"],
  ["main.ts"],
];

/** Packages and where they may be imported: beginnings of paths. Built-in modules that are not named here are free. */
const packageHomes: Readonly<Record<string, readonly string[]>> = {
  "@elysiajs/swagger": ["http/"],
  "@pydantic/genai-prices": ["prices/"],
  citty: ["cli/", "main.ts"],
  consola: ["telemetry/", "cli/"],
  elysia: ["http/"],
  oauth4webapi: ["admin/identity/"],
  "gpt-tokenizer": ["protocols/canonical/"],
  "prom-client": ["telemetry/metrics"],
  "swagger-ui-dist": ["http/"],
  zod: [""],
  "bun:sqlite": ["storage/sqlite"],
};

interface Home {
  what: string;
  pattern: RegExp;
  homes: readonly string[];
}

/** Things that need no import and still live in one place. */
const globalHomes: readonly Home[] = [
  // A method of this name (Bun.serve, an Elysia app) is something else: it has a body, a type or an owner.
  {
    what: "fetch()",
    pattern: /(?:(?<![.\w])|\b(?:globalThis|Bun)\.)fetch\((?![^()]*\)(?:\s*\{|:))/,
    homes: ["transport/", "cli/http.ts"],
  },
  {
    what: "SQL",
    pattern: /\bBun\.(?:SQL|sql)\b|import\s*{[^}]*\b(?:SQL|sql)\b[^}]*}\s*from\s*"bun"/,
    homes: ["storage/mysql", "storage/postgres"],
  },
  {
    what: "RedisClient",
    pattern: /\bBun\.(?:RedisClient|redis)\b|import\s*{[^}]*\b(?:RedisClient|redis)\b[^}]*}\s*from\s*"bun"/,
    homes: ["coordination/redis"],
  },
];

const importPattern = /(?<![.\w])(?:from\s*|import\s*\(?\s*|require\s*\(\s*)["']([^"'\s]+)["']/;
const defaultExportPattern = /^\s*export\s+default\b|^\s*export\s*{[^}]*\bas\s+default\b/;
const mostLines = 300;

/** One line per broken rule: `src/path:line: what is wrong`, and the offending line below it. */
export function architectureViolations(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => {
    const lines = text.split("\n").map(withoutComment);
    const found = lines.flatMap((line, index) =>
      lineComplaints(path, line).map((complaint) => `src/${path}:${index + 1}: ${complaint}\n    ${line.trim()}`),
    );
    const lineCount = text.trimEnd().split("\n").length;
    if (lineCount > mostLines) found.push(`src/${path}:${lineCount}: has more than ${mostLines} lines; split it`);
    if (layerOf(path) === undefined) found.push(`src/${path}:1: its room is in no layer; give it one`);
    return found;
  });
}

/** Whole-line comments only: the rest of a line may be a text with slashes in it. */
function withoutComment(line: string): string {
  return /^\s*(?:\/\/|\/?\*)/.test(line) ? "" : line;
}

function lineComplaints(path: string, line: string): string[] {
  const complaints: string[] = [];
  const specifier = importPattern.exec(line)?.[1];
  if (specifier !== undefined) complaints.push(...importComplaints(path, specifier));
  for (const { what, pattern, homes } of globalHomes) {
    if (pattern.test(line) && !isAtHome(path, homes)) complaints.push(`${what} lives in ${homes.join(" and ")}`);
  }
  if (defaultExportPattern.test(line) && !isAtHome(path, ["cli/"]) && !path.endsWith(".d.ts")) {
    complaints.push("only citty commands in cli/ are default exports");
  }
  return complaints;
}

function importComplaints(path: string, specifier: string): string[] {
  if (specifier.startsWith(".")) return relativeComplaints(path, specifier);
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const homes = packageHomes[name];
  if (homes !== undefined) return isAtHome(path, homes) ? [] : [`${name} lives in ${homes.join(" and ")}`];
  if (/^(?:node:|bun:|bun$)/.test(specifier)) return [];
  return [`${name} has no home; is it worth a dependency?`];
}

function relativeComplaints(path: string, specifier: string): string[] {
  const target = posix.normalize(posix.join(posix.dirname(path), specifier));
  if (target === "../package.json") return path === "version.ts" ? [] : ["only version.ts reads package.json"];
  if (target.startsWith("../")) return ["src/ imports nothing outside of it"];
  const [from, to] = [roomOf(path), roomOf(target)];
  if (from === to) return [];
  const [own, other] = [layerOf(path), layerOf(target)];
  if (own === undefined || other === undefined || other < own) return [];
  return [`${from} may not import ${to}: it ${other === own ? "stands beside it" : "is above it"}`];
}

function roomOf(path: string): string {
  return path.split("/")[0] ?? path;
}

function layerOf(path: string): number | undefined {
  const layer = layers.findIndex((rooms) => rooms.includes(roomOf(path)));
  return layer === -1 ? undefined : layer;
}

function isAtHome(path: string, homes: readonly string[]): boolean {
  return homes.some((home) => path.startsWith(home));
}
