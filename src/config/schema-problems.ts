import type { z } from "zod";
import { nearest } from "../lib/nearest.ts";
import type { LocatedProblem } from "./config-error.ts";
import { knownKeys } from "./json-schema.ts";
import { isPlainObject, pathText, valueAt, type ConfigPath } from "./path.ts";

const kindNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object with keys",
  record: "an object with keys",
};

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (isPlainObject(value)) return "an object";
  return kindNames[typeof value] ?? "nothing";
}

function wrongType(issue: z.core.$ZodIssueInvalidType, value: unknown): string {
  const wanted = kindNames[issue.expected] ?? issue.expected;
  if (value === undefined) return `is missing; it must be ${wanted}`;
  if (issue.expected === "string" && (typeof value === "number" || typeof value === "boolean")) {
    return "must be text; put it in quotes";
  }
  if (issue.expected === "int" && typeof value === "number") return `must be ${wanted}`;
  if (issue.expected === "number" && typeof value === "number") return "must be a finite number";
  return typeof value === "string" ? `must be ${wanted}` : `must be ${wanted}, not ${kindOf(value)}`;
}

/** What is wrong with a key that nothing knows there. */
export function unknownKey(key: string, path: ConfigPath): string {
  const known = knownKeys(path);
  const suggestion = nearest(key, known);
  if (suggestion !== undefined) return `unknown key; did you mean '${suggestion}'?`;
  const home = path.length === 0 ? known.find((name) => knownKeys([name]).includes(key)) : undefined;
  if (home !== undefined) return `unknown key; it belongs under ${home}: write ${home}.${key}`;
  return `unknown key; known here: ${known.join(", ")}`;
}

function outOfRange(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): string {
  const limit = issue.code === "too_big" ? `at most ${issue.maximum}` : `at least ${issue.minimum}`;
  if (issue.origin === "string") return limit === "at least 1" ? "must not be empty" : `must have ${limit} characters`;
  if (issue.origin === "array") return `must have ${limit} ${limit.endsWith(" 1") ? "entry" : "entries"}`;
  return `must be ${limit}`;
}

function wrongName(path: ConfigPath): string {
  if (path.at(-2) === "headers") return "this is no name of an HTTP header; it is made of letters, digits and '-'";
  if (path[0] === "providers" && path.length === 2)
    return "a provider's name is made of letters, digits, '.', '_' and '-'";
  if (path[0] === "prices" && path[1] === "models") return "write provider/model, e.g. openai/gpt-5 or groq/*";
  return "this name must not be empty";
}

/** What is wrong with a value, as the end of a sentence; the value itself is not quoted, it may be a secret. */
export function issueText(issue: z.core.$ZodIssue, value: unknown): string {
  // A schema's own words; zod's begin otherwise.
  if (issue.message.startsWith("must ")) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return wrongType(issue, value);
    case "too_big":
    case "too_small":
      return outOfRange(issue);
    case "invalid_value": {
      const values = issue.values.map(String);
      const suggestion = typeof value === "string" ? nearest(value, values) : undefined;
      const hint = suggestion === undefined ? "" : `; did you mean '${suggestion}'?`;
      return `${value === undefined ? "is missing; it" : ""} must be one of ${values.join(", ")}${hint}`.trim();
    }
    case "invalid_key":
      return wrongName(issue.path);
    case "invalid_format":
      return issue.path[0] === "keys" ? "must be a header name: letters, digits and '-'" : issue.message;
    case "invalid_union":
      return issue.errors.flatMap(([first]) => (first === undefined ? [] : [issueText(first, value)])).join(", or ");
    case "unrecognized_keys":
    case "invalid_element":
    case "not_multiple_of":
    case "custom":
      break;
  }
  return issue.message;
}

/**
 * Of a value that may have several forms, what is wrong with the form it was written in: a misspelt key of an object
 * is not "must be text".
 */
function issuesOf(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union" || issue.message.startsWith("must ")) return [issue];
  const fitting = issue.errors.filter(
    (issues) =>
      !issues.some(({ code, path }) => path.length === 0 && (code === "invalid_type" || code === "invalid_value")),
  );
  if (fitting.length !== 1) return [issue];
  return fitting.flat().flatMap((own) => issuesOf({ ...own, path: [...issue.path, ...own.path] }));
}

/**
 * What a schema refuses, without what says less than another of the same value: what follows from its wrong type, and the
 * bounds of all whole numbers where it has bounds of its own, which come behind them.
 */
export function issuesIn(error: z.core.$ZodError): z.core.$ZodIssue[] {
  const issues = error.issues.flatMap(issuesOf);
  const placed = issues.map((issue) => ({ issue, place: pathText(issue.path) }));
  const mistyped = new Set(placed.filter(({ issue }) => issue.code === "invalid_type").map(({ place }) => place));
  const last = new Map(placed.map(({ issue, place }) => [`${issue.code} ${place}`, issue]));
  return placed.flatMap(({ issue, place }): z.core.$ZodIssue[] => {
    if (issue.code !== "too_big" && issue.code !== "too_small") return [issue];
    return !mistyped.has(place) && last.get(`${issue.code} ${place}`) === issue ? [issue] : [];
  });
}

function located(issue: z.core.$ZodIssue, tree: unknown): LocatedProblem[] {
  const { path } = issue;
  if (issue.code !== "unrecognized_keys") {
    return [{ kind: "invalid", path, message: issueText(issue, valueAt(tree, path)) }];
  }
  return issue.keys.map((key) => ({ kind: "invalid", path: [...path, key], message: unknownKey(key, path) }));
}

/** What the schema refuses in `tree`, in words for people; the values themselves are not quoted, they may be secrets. */
export function schemaProblems(error: z.core.$ZodError, tree: unknown): LocatedProblem[] {
  return issuesIn(error).flatMap((issue) => located(issue, tree));
}
