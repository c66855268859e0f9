import type { z } from "zod";
import { type GatewayError, invalidRequest } from "../errors.ts";
import { nearest } from "../lib/nearest.ts";

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

const mostNamed = 10;

function pathText(path: readonly PropertyKey[]): string {
  const text = path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`))
    .join("")
    .replace(/^\./, "");
  return text.slice(0, 200);
}

function named(path: readonly PropertyKey[]): string {
  return path.length === 0 ? "The body" : `\`${pathText(path)}\``;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, step)
        ? (inner as Record<PropertyKey, unknown>)[step]
        : undefined,
    value,
  );
}

function sizeText({ origin }: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall, bound: string): string {
  if (bound === "at least 1" && (origin === "string" || origin === "array")) return "must not be empty";
  if (origin === "string") return `must have ${bound} characters`;
  return origin === "array" ? `must have ${bound} entries` : `must be ${bound}`;
}

/** What is wrong, as the end of a sentence; values are not quoted: they may be secrets. */
function complaint(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type": {
      const kind = kinds[issue.expected] ?? issue.expected;
      return value === undefined ? `is missing; it must be ${kind}` : `must be ${kind}`;
    }
    case "too_big":
      return sizeText(issue, `at most ${issue.maximum}`);
    case "too_small":
      return sizeText(issue, `at least ${issue.minimum}`);
    case "invalid_value":
      return `must be one of ${issue.values.map(String).join(", ")}`;
    case "invalid_key":
      return "is no name that can be used here";
    case "invalid_union":
    case "invalid_format":
    case "unrecognized_keys":
    case "invalid_element":
    case "not_multiple_of":
    case "custom":
      break;
  }
  return issue.message.startsWith("must ") ? issue.message : `is not valid: ${issue.message}`;
}

function unknownField(key: string, path: readonly PropertyKey[], known: readonly string[]): string {
  const hint = path.length === 0 ? nearest(key, known) : undefined;
  const advice = hint === undefined ? "" : `; did you mean \`${hint}\`?`;
  return `\`${pathText([...path, key])}\` is unknown here, or cannot be set${advice}`;
}

function refusal(error: z.core.$ZodError, value: unknown, known: readonly string[]): GatewayError {
  const problems = error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownField(key, issue.path, known));
    return [`${named(issue.path)} ${complaint(issue, valueAt(value, issue.path))}`];
  });
  const [first] = error.issues;
  const unknown = first?.code === "unrecognized_keys" ? first.keys.slice(0, 1) : [];
  const path = pathText([...(first?.path ?? []), ...unknown]);
  const more = problems.length > mostNamed ? [`${problems.length - mostNamed} more`] : [];
  const text = [...problems.slice(0, mostNamed), ...more].join("; ");
  return invalidRequest(`${text}.`, path === "" ? undefined : path);
}

/** What somebody sent, as a schema reads it. Throws GatewayError (400) that names every field that is wrong or unknown. */
export function readInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const known = "shape" in schema && typeof schema.shape === "object" ? Object.keys(schema.shape ?? {}) : [];
  throw refusal(result.error, value, known);
}
