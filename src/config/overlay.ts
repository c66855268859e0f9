import type { Layers } from "./layers.ts";
import { isPlainObject, valueAt } from "./path.ts";

/** What changes of the admin API may be about. */
export const overlaySections = { provider: "providers", model: "models" } as const;
export type NamedKind = keyof typeof overlaySections;

/**
 * Sections that may be changed while the gateway runs. Who may call, where it listens and what it writes where is said by
 * the file and the environment alone: a stolen session must not be able to open the house.
 */
export const overlaySettings = [
  "routes",
  "parameters",
  "overrides",
  "remove",
  "affinity",
  "failover",
  "health",
  "limits",
  "prices",
  "budgets",
] as const;
export type OverlaySetting = (typeof overlaySettings)[number];

/** A change of one provider, model or section of settings. */
export interface OverlayEntry {
  readonly kind: NamedKind | "setting";
  readonly name: string;
  /**
   * Field → value as a file would say it, in the place of what stands beneath; `null` takes that away. Texts are literal:
   * `${NAME}` is no variable here, for whoever may change a provider need not know what is in the environment.
   */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Changes that the admin API made, which are laid over file and environment. */
export type Overlay = readonly OverlayEntry[];

/** Sections that are one value: the only field of their entries is `value`. */
const wholeSettings: readonly string[] = ["routes", "parameters", "overrides", "remove"] satisfies OverlaySetting[];

function isWholeSetting(name: string): boolean {
  return wholeSettings.includes(name);
}

/** What a tree of the configuration says of an entry; `undefined` = nothing. */
export function fieldsIn(
  tree: Readonly<Record<string, unknown>>,
  entry: Pick<OverlayEntry, "kind" | "name">,
): Readonly<Record<string, unknown>> | undefined {
  const value = valueAt(tree, overlayPlace(entry));
  if (entry.kind === "setting" && isWholeSetting(entry.name)) return value === undefined ? undefined : { value };
  return isPlainObject(value) ? value : undefined;
}

/** Where in the configuration an entry stands. */
export function overlayPlace({ kind, name }: Pick<OverlayEntry, "kind" | "name">): string[] {
  return kind === "setting" ? [name] : [overlaySections[kind], name];
}

/** Where a field of an entry stands. */
export function fieldPlace(entry: Pick<OverlayEntry, "kind" | "name">, field: string): string[] {
  const place = overlayPlace(entry);
  return entry.kind === "setting" && isWholeSetting(entry.name) ? place : [...place, field];
}

function applyField(layers: Layers, path: readonly string[], value: unknown): void {
  if (value === null) layers.remove(path);
  // What is in the tree is changed by later layers; an entry is not.
  else layers.set(path, structuredClone(value), "overlay");
}

function applyEntry(layers: Layers, entry: OverlayEntry): void {
  const place = overlayPlace(entry);
  const isWhole = entry.kind === "setting" && isWholeSetting(entry.name);
  if (!isWhole && !isPlainObject(valueAt(layers.tree, place))) layers.set(place, {}, "overlay");
  for (const [field, value] of Object.entries(entry.fields)) applyField(layers, fieldPlace(entry, field), value);
}

/** Writes changes over what file and environment say, field by field. */
export function applyOverlay(layers: Layers, overlay: Overlay): void {
  for (const entry of overlay) applyEntry(layers, entry);
}
