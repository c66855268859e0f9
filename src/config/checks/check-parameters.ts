import type { LocatedProblem } from "../config-error.ts";
import type { ConfigPath } from "../path.ts";
import type { ResolvedConfig } from "../resolve.ts";

/** They are the request itself: its place, its form and its content are no parameters. */
const reserved: readonly string[] = ["model", "stream", "messages", "input", "contents", "system"];
const dangerous: readonly string[] = ["__proto__", "constructor", "prototype"];

interface Rules {
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
  readonly remove?: readonly string[] | undefined;
}

function nameProblem(name: string): string | undefined {
  const parts = name.split(".");
  const [field = ""] = parts;
  if (reserved.includes(field))
    return `'${field}' is the request itself and no parameter; it cannot be set or removed here`;
  if (parts.some((part) => dangerous.includes(part))) return "this name is not allowed";
  return parts.includes("") ? "has a dot too many; a dot leads into an object, e.g. reasoning.effort" : undefined;
}

function problem(name: string, path: ConfigPath): LocatedProblem[] {
  const message = nameProblem(name);
  return message === undefined ? [] : [{ kind: "invalid", path, message }];
}

function problemsAt({ parameters = {}, overrides = {}, remove = [] }: Rules, path: ConfigPath): LocatedProblem[] {
  return [
    ...Object.keys(parameters).flatMap((name) => problem(name, [...path, "parameters", name])),
    ...Object.keys(overrides).flatMap((name) => problem(name, [...path, "overrides", name])),
    ...remove.flatMap((name, index) => problem(name, [...path, "remove", index])),
  ];
}

/** Names of fields that are set or removed, at every level. */
export function parameterProblems(config: ResolvedConfig): LocatedProblem[] {
  return [
    ...problemsAt(config, []),
    ...Object.entries(config.providers).flatMap(([name, provider]) => problemsAt(provider, ["providers", name])),
    ...Object.entries(config.models).flatMap(([alias, model]) => [
      ...problemsAt(model, ["models", alias]),
      ...model.targets.flatMap((target, index) => problemsAt(target, ["models", alias, "targets", index])),
    ]),
  ];
}
