export type ConfigPath = readonly PropertyKey[];

const plainKey = /^[A-Za-z0-9_-]+$/;

/** `server.port`, `models["openai/gpt-4o"].targets[0].model`: the one spelling of a path in messages and origins. */
export function pathText(path: ConfigPath): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (plainKey.test(String(key))) text += text === "" ? String(key) : `.${String(key)}`;
    else text += `[${JSON.stringify(String(key))}]`;
  }
  return text;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Writes one value into a tree, making objects on the way. Where the tree holds something else than an object it is
 * left alone, so that the schema can report what stands there.
 */
export function setPath(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let node = tree;
  for (const key of path.slice(0, -1)) {
    const next = Object.hasOwn(node, key) ? node[key] : (node[key] = {});
    if (!isPlainObject(next)) return;
    node = next;
  }
  const last = path.at(-1);
  if (last !== undefined) node[last] = value;
}

export interface Leaf {
  readonly keys: ConfigPath;
  /** `keys` as `pathText` writes them. */
  readonly path: string;
  readonly value: unknown;
}

/** The values of a tree with their paths. A list of plain values is one leaf, and so is an empty object; a list of objects is walked. */
export function leaves(value: unknown, path: ConfigPath = []): Leaf[] {
  if (Array.isArray(value) && value.some(isPlainObject)) {
    return value.flatMap((item, index) => leaves(item, [...path, index]));
  }
  if (value === undefined) return [];
  const entries = isPlainObject(value) ? Object.entries(value) : [];
  if (entries.length === 0) return [{ keys: path, path: pathText(path), value }];
  return entries.flatMap(([key, item]) => leaves(item, [...path, key]));
}

/** The value at `path`; `undefined` where the tree ends before it. */
export function valueAt(tree: unknown, path: ConfigPath): unknown {
  let node = tree;
  for (const key of path) {
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, key)) return undefined;
    node = Reflect.get(node, key);
  }
  return node;
}
