import { nearest } from "../../lib/nearest.ts";
import type { LocatedProblem } from "../config-error.ts";
import { pathText } from "../path.ts";
import { priceTableNames } from "../price-table-names.ts";
import type { ResolvedConfig } from "../resolve.ts";

/** Names of price lists that the table in the executable does not have. */
function unknownLists({ prices }: ResolvedConfig): LocatedProblem[] {
  return Object.entries(prices.providers).flatMap(([provider, name]): LocatedProblem[] => {
    if (priceTableNames.includes(name)) return [];
    const suggestion = nearest(name, priceTableNames);
    const hint = suggestion === undefined ? `it has ${priceTableNames.join(", ")}` : `did you mean '${suggestion}'?`;
    const message = `the price table has no prices of '${name}'; ${hint}`;
    return [{ kind: "invalid", path: ["prices", "providers", provider], message }];
  });
}

/** A newer table, fetched later, may know more than the one in the executable. */
function mayBeKnownLater({ prices }: ResolvedConfig): boolean {
  return prices.refresh !== "off";
}

export function priceProblems(config: ResolvedConfig): LocatedProblem[] {
  return mayBeKnownLater(config) ? [] : unknownLists(config);
}

export function priceWarnings(config: ResolvedConfig): string[] {
  if (!mayBeKnownLater(config)) return [];
  return unknownLists(config).map(({ path, message }) => `${pathText(path)}: ${message}`);
}
