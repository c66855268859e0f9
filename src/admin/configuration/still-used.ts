import { ConfigError } from "../../config/load.ts";
import type { NamedKind } from "../../config/overlay.ts";
import { pathText } from "../../config/path.ts";
import { GatewayError } from "../../errors.ts";

const inFallbacks = /^\.\w*fallbacks\b/i;
const mostShown = 10;

/** `the model 'smart'`, `the fallbacks of the model 'smart'`, or a place: `routes[0].use`. */
function userAt(path: string, models: readonly string[]): string {
  const model = models.find((name) => path.startsWith(`${pathText(["models", name])}.`));
  if (model === undefined) return path;
  const isFallback = inFallbacks.test(path.slice(pathText(["models", model]).length));
  return isFallback ? `the fallbacks of the model '${model}'` : `the model '${model}'`;
}

/** A refusal to delete something because the configuration would not be sound without it: names who stands on it. */
export function stillUsed(
  refused: GatewayError,
  { kind, name, models }: { kind: NamedKind; name: string; models: readonly string[] },
): GatewayError {
  const { cause } = refused;
  if (!(cause instanceof ConfigError)) return refused;
  const users = [...new Set(cause.problems.map(({ path }) => userAt(path, models)))];
  const more = users.length > mostShown ? [`${users.length - mostShown} more`] : [];
  const shown = new Intl.ListFormat("en").format([...users.slice(0, mostShown), ...more]);
  const message = `The ${kind} '${name}' is in use by ${shown}; take it out there first.`;
  return new GatewayError({ code: "conflict", status: 409, message });
}
