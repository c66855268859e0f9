import type { TableMatch, TableModel, TableProvider } from "./table-data.ts";

/** What may follow a model's name without making another model of it: dates, stages, revisions. */
const versions =
  /^(?:(?:^|[-@:_.])(?:latest|preview|exp|experimental|beta|\d{4}-\d\d-\d\d|\d\d-\d{4}|\d\d-\d\d|\d{3,4}|\d{6}|\d{8}|v\d+(?:[.:]\d+)?))*$/;
const isWordCharacter = /[a-z\d]/;
const longestName = 300;

/** The rest of a name behind `end`, with the whole of a word that the match ended in the middle of. */
function restFrom(name: string, end: number): string {
  let start = end;
  const isInside = isWordCharacter.test(name.charAt(end)) && isWordCharacter.test(name.charAt(end - 1));
  if (isInside) while (start > 0 && isWordCharacter.test(name.charAt(start - 1))) start -= 1;
  return name.slice(start);
}

/** `claude-sonnet-5` may be the beginning of `claude-sonnet-5-20260901`, and not of `claude-sonnet-5-5`. */
function isWholeName(name: string, end: number): boolean {
  // Behind the name of a fine-tuned model stand its owner's words.
  if (name.startsWith("ft:") || name.slice(0, end).endsWith(".ft-")) return true;
  return versions.test(restFrom(name, end));
}

/** Before a name may stand a path (`publishers/anthropic/models/`) or a vendor (`anthropic.`). */
function isWholePrefix(before: string): boolean {
  return before === "" || /[/.:]$/.test(before);
}

const patterns = new Map<string, RegExp>();

function isMatched(pattern: string, name: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    compiled = new RegExp(pattern);
    patterns.set(pattern, compiled);
  }
  return compiled.test(name);
}

function contains(name: string, part: string): boolean {
  const at = name.indexOf(part);
  return at !== -1 && isWholePrefix(name.slice(0, at)) && isWholeName(name, at + part.length);
}

/**
 * Whether the table means this model, its name in lower case. The table's loose rules (`starts_with`, `contains`) would take
 * models for known ones that came later and cost something else: only a version may follow.
 */
function fits(match: TableMatch, name: string): boolean {
  if ("or" in match) return match.or.some((inner) => fits(inner, name));
  if ("and" in match) return match.and.every((inner) => fits(inner, name));
  if ("equals" in match) return name === match.equals.toLowerCase();
  if ("regex" in match) return isMatched(match.regex, name);
  if ("contains" in match) return contains(name, match.contains.toLowerCase());
  if ("ends_with" in match) {
    const end = match.ends_with.toLowerCase();
    return name.endsWith(end) && isWholePrefix(name.slice(0, -end.length));
  }
  const start = match.starts_with.toLowerCase();
  return name.startsWith(start) && isWholeName(name, start.length);
}

/** The table writes some dates as 2026-04-23 only, upstreams also as 20260423. */
function withDashedDate(name: string): string {
  return name.replace(/-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/, "-$1-$2-$3");
}

/** The first model of a provider, or of those it falls back to, that the table means by a name. */
export function findModel(
  provider: TableProvider,
  model: string,
  providerOf: (id: string) => TableProvider | undefined,
): TableModel | undefined {
  if (model.length > longestName) return undefined;
  const name = model.toLowerCase().trim();
  const dashed = withDashedDate(name);
  const names = dashed === name ? [name] : [name, dashed];
  for (const each of names) {
    const own = provider.models.find(({ match }) => fits(match, each));
    if (own !== undefined) return own;
    for (const id of provider.fallback_model_providers ?? []) {
      const others = providerOf(id)?.models.find(({ match }) => fits(match, each));
      if (others !== undefined) return others;
    }
  }
  return undefined;
}
