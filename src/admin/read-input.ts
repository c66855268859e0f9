import type { z } from "zod";
import { pathText, valueAt } from "../config/path.ts";
import { issuesIn, issueText } from "../config/schema-problems.ts";
import { type GatewayError, invalidRequest } from "../errors.ts";
import { nearest } from "../lib/nearest.ts";

const mostNamed = 10;
const longestPath = 200;

function placeOf(path: readonly PropertyKey[]): string {
  return pathText(path).slice(0, longestPath);
}

/** What is wrong, as a sentence without its full stop; values are not quoted: they may be secrets. */
function complaint(issue: z.core.$ZodIssue, value: unknown): string {
  const subject = issue.path.length === 0 ? "The body" : `\`${placeOf(issue.path)}\``;
  if (issue.code === "invalid_key") {
    // A schema's own words, as those that `issueText` takes over.
    const why = issue.issues.find(({ message }) => message.startsWith("must "))?.message;
    return `${subject} is no name that can be used here${why === undefined ? "" : `: it ${why}`}`;
  }
  const text = issueText(issue, valueAt(value, issue.path));
  return `${subject} ${/^(?:must|is missing)/.test(text) ? text : `is not valid: ${text}`}`;
}

function unknownField(key: string, path: readonly PropertyKey[], known: readonly string[]): string {
  const hint = path.length === 0 ? nearest(key, known) : undefined;
  const advice = hint === undefined ? "" : `; did you mean \`${hint}\`?`;
  return `\`${placeOf([...path, key])}\` is unknown here, or cannot be set${advice}`;
}

function refusal(error: z.core.$ZodError, value: unknown, known: readonly string[]): GatewayError {
  const issues = issuesIn(error);
  const problems = issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownField(key, issue.path, known));
    return [complaint(issue, value)];
  });
  const [first] = issues;
  const unknown = first?.code === "unrecognized_keys" ? first.keys.slice(0, 1) : [];
  const path = placeOf([...(first?.path ?? []), ...unknown]);
  const more = problems.length > mostNamed ? [`${problems.length - mostNamed} more`] : [];
  const text = [...problems.slice(0, mostNamed), ...more].join("; ");
  return invalidRequest(text.endsWith("?") ? text : `${text}.`, path === "" ? undefined : path);
}

/** What somebody sent, as a schema reads it. Throws GatewayError (400) that names every field that is wrong or unknown. */
export function readInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const known = "shape" in schema && typeof schema.shape === "object" ? Object.keys(schema.shape ?? {}) : [];
  throw refusal(result.error, value, known);
}
