/** What the price table says, in the words of its file (pydantic/genai-prices), as far as it is read here. */

/** US dollars, mostly for a million tokens; what the unit is, the key says. */
export type TableRates = Readonly<Record<string, number | TableTiers | undefined>>;

export interface TableTiers {
  readonly base: number;
  /** A prompt of more than `start` tokens is charged by `price`, all of it. */
  readonly tiers: readonly { readonly start: number; readonly price: number }[];
}

/** When prices hold: from a day on, or at hours of the day. */
export interface TableConstraint {
  readonly start_date?: string | undefined;
  /** `01:00:00Z`. */
  readonly start_time?: string | undefined;
  readonly end_time?: string | undefined;
}

export interface TableConditional {
  readonly constraint?: TableConstraint | undefined;
  readonly prices: TableRates;
}

export type TableMatch =
  | { readonly or: readonly TableMatch[] }
  | { readonly and: readonly TableMatch[] }
  | { readonly equals: string }
  | { readonly starts_with: string }
  | { readonly ends_with: string }
  | { readonly contains: string }
  | { readonly regex: string };

export interface TableModel {
  readonly id: string;
  readonly match: TableMatch;
  /** Of several, the last that holds counts. */
  readonly prices: TableRates | readonly TableConditional[];
}

export interface TableProvider {
  readonly id: string;
  /** Beginning of its base URLs, as a regular expression. */
  readonly api_pattern: string;
  readonly models: readonly TableModel[];
  /** Providers whose prices hold for models that are not listed here. */
  readonly fallback_model_providers?: readonly string[] | undefined;
}

/** Where the providers of a table are found. */
export interface TableSource {
  provider(id: string): TableProvider | undefined;
  /** Whose base URL this is. */
  providerAt(url: string): TableProvider | undefined;
}
