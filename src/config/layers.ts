import type { Origin } from "./config-error.ts";
import { isPlainObject, pathText, setPath, type ConfigPath, valueAt } from "./path.ts";

/** The tree that file, environment and flags are written into, one over the other, with the origin of every node. */
export interface Layers {
  readonly tree: Record<string, unknown>;
  /** Of every node that was written, by its path as `pathText` writes it. */
  readonly origins: ReadonlyMap<string, Origin>;
  set(path: readonly string[], value: unknown, origin: Origin): void;
  /** Takes a value away, whoever wrote it. */
  remove(path: readonly string[]): void;
  /** Corrects the origin of one path that is already written. */
  mark(path: string, origin: Origin): void;
  /** Origin of the value at `path`, or of the nearest node above it; `default` when nobody wrote there. */
  originOf(path: ConfigPath): Origin;
  /** Origin of exactly this path, written as `pathText` writes it. */
  originAt(path: string): Origin | undefined;
}

function record(origins: Map<string, Origin>, node: { path: ConfigPath; value: unknown; origin: Origin }): void {
  const { path, value, origin } = node;
  if (path.length > 0) origins.set(pathText(path), origin);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) record(origins, { path: [...path, index], value: item, origin });
  } else if (isPlainObject(value)) {
    for (const [key, item] of Object.entries(value)) record(origins, { path: [...path, key], value: item, origin });
  }
}

/** Origin of the value at `path`, or of the nearest node above it; `default` when nobody wrote there. */
export function originIn(origins: ReadonlyMap<string, Origin>, path: ConfigPath): Origin {
  for (let length = path.length; length > 0; length -= 1) {
    const found = origins.get(pathText(path.slice(0, length)));
    if (found !== undefined) return found;
  }
  return "default";
}

export function createLayers(tree: Record<string, unknown>, origin: Origin): Layers {
  const origins = new Map<string, Origin>();
  record(origins, { path: [], value: tree, origin });

  const originAt = (path: string): Origin | undefined => origins.get(path);

  function forget(path: readonly string[]): void {
    const text = pathText(path);
    origins.delete(text);
    for (const known of origins.keys()) {
      if (known.startsWith(`${text}.`) || known.startsWith(`${text}[`)) origins.delete(known);
    }
  }

  return {
    tree,
    origins,
    originAt,
    mark: (path, valueOrigin) => void origins.set(path, valueOrigin),
    set(path, value, valueOrigin) {
      setPath(tree, path, value);
      forget(path);
      record(origins, { path, value, origin: valueOrigin });
    },
    remove(path) {
      const above = valueAt(tree, path.slice(0, -1));
      const last = path.at(-1);
      if (isPlainObject(above) && last !== undefined) delete above[last];
      forget(path);
    },
    originOf: (path) => originIn(origins, path),
  };
}
