import { isPlainObject } from "./path.ts";
import { switchOf } from "./switch-text.ts";

/** Names that a file declares, those of parts with mistakes too: a broken provider must not make its models unknown. */
export interface DeclaredNames {
  /** Under `providers`. */
  readonly providers: readonly string[];
  /** Under `models`, wildcards among them. */
  readonly models: readonly string[];
  /** In `models` and `aliases` of providers. */
  readonly offered: readonly string[];
  /** Some provider takes whatever name it is asked for. */
  readonly takesAnyModel: boolean;
}

function entriesOf(value: unknown): [string, unknown][] {
  return isPlainObject(value) ? Object.entries(value) : [];
}

function namesIn(value: unknown): string[] {
  if (typeof value === "string") return value.split(",").map((name) => name.trim());
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}

/** What is declared in a tree that the schema may not accept. */
export function declaredNamesIn(tree: Readonly<Record<string, unknown>>): DeclaredNames {
  const providers = entriesOf(tree["providers"]);
  const bodies = providers.map(([, body]) => (isPlainObject(body) ? body : {}));
  return {
    providers: providers.map(([name]) => name),
    models: entriesOf(tree["models"]).map(([name]) => name),
    offered: bodies.flatMap((body) => [
      ...namesIn(body["models"]),
      ...entriesOf(body["aliases"]).map(([alias]) => alias),
    ]),
    takesAnyModel: bodies.some((body) => switchOf(body["acceptsAnyModel"]) === true),
  };
}
