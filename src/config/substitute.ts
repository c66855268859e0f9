import type { LocatedProblem } from "./config-error.ts";
import type { Environment } from "./environment.ts";
import { forbiddenNames } from "./forbidden-names.ts";
import { isPlainObject, type ConfigPath } from "./path.ts";

export interface Substituted {
  readonly tree: Record<string, unknown>;
  readonly problems: readonly LocatedProblem[];
  /** Texts taken from the environment; they may be secrets and must not appear in messages. */
  readonly inserted: readonly string[];
  /** Variables that the file names, set or not. */
  readonly named: ReadonlySet<string>;
}

interface Walk {
  readonly environment: Environment;
  readonly problems: LocatedProblem[];
  readonly inserted: string[];
  readonly named: Set<string>;
  nodes: number;
}

const reference = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const referenceBody = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;
const maxDepth = 32;
const maxNodes = 100_000;

/** An API key, alone or in an object; its weight and limits are settings as any others. */
function isCredential(path: ConfigPath): boolean {
  if (path[0] !== "providers" || path[2] !== "credentials") return false;
  return typeof path.at(-1) !== "string" || path.at(-1) === "key" || path.length === 3;
}

function substituteText(text: string, path: ConfigPath, walk: Walk): string {
  return text.replaceAll(reference, (whole, body: string | undefined) => {
    if (whole === "$${") return "${";
    if (body === undefined) {
      const message = "${ has no closing }; write ${NAME} or ${NAME:-default}, or $${ for a literal ${";
      walk.problems.push({ kind: "invalid", path, message });
      return whole;
    }
    const [, name, fallback] = referenceBody.exec(body) ?? [];
    if (name === undefined) {
      const message = "${…} takes a variable name, ${NAME} or ${NAME:-default}; write $${ for a literal ${";
      walk.problems.push({ kind: "invalid", path, message });
      return whole;
    }
    walk.named.add(name);
    const value = walk.environment.text(name);
    if (value !== undefined) walk.inserted.push(value);
    if (value !== undefined || fallback !== undefined) return value ?? fallback ?? "";
    const message = `the environment variable ${name} is not set; set it (a line ${name}=… in .env will do) or write \${${name}:-default}`;
    walk.problems.push({ kind: isCredential(path) ? "missing-credential" : "invalid", path, message });
    return "";
  });
}

function copyObject(source: Record<string, unknown>, path: ConfigPath, walk: Walk): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(source)) {
    const itemPath = [...path, key];
    if (forbiddenNames.has(key)) {
      walk.problems.push({ kind: "invalid", path: itemPath, message: "this name is not allowed" });
      continue;
    }
    // `logging:` with nothing behind it means "nothing set here", as in most YAML files.
    if (value !== null) copy[key] = copyValue(value, itemPath, walk);
  }
  return copy;
}

function copyValue(value: unknown, path: ConfigPath, walk: Walk): unknown {
  walk.nodes += 1;
  if (typeof value === "string") return substituteText(value, path, walk);
  if (typeof value !== "object" || value === null) return value;
  if (path.length > maxDepth || walk.nodes > maxNodes) {
    if (walk.nodes !== Infinity) {
      walk.problems.push({
        kind: "invalid",
        path: path.slice(0, 3),
        message: "this is nested too deeply or refers to itself",
      });
    }
    walk.nodes = Infinity;
    return undefined;
  }
  if (Array.isArray(value)) return value.map((item, index) => copyValue(item, [...path, index], walk));
  return isPlainObject(value) ? copyObject(value, path, walk) : undefined;
}

/** A copy of a parsed file with `${NAME}` replaced in its texts, empty keys left out and dangerous names refused. */
export function substitute(tree: Record<string, unknown>, environment: Environment): Substituted {
  const walk: Walk = { environment, problems: [], inserted: [], named: new Set(), nodes: 0 };
  const copy = copyObject(tree, [], walk);
  const { problems, inserted, named } = walk;
  return { tree: walk.nodes === Infinity ? {} : copy, problems, inserted, named };
}
