import { isFields, listOf, type Fields } from "../fields.ts";

/** Arguments that come in pieces, each with the path of where it belongs. */
export interface PartialArguments {
  add(pieces: unknown): void;
  /** JSON of all that has come. */
  text(): string;
}

type Container = Record<string | number, unknown>;
type Key = string | number;

/** Beyond these a path is a fault: nothing may grow by what a few characters claim. */
const deepestPath = 100;
const widestGap = 1000;

const segment = /\.([^.[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;

/** `$.a.b[0]['c']` as keys; `undefined` when it is no such path. */
function keysOf(path: unknown): Key[] | undefined {
  if (typeof path !== "string" || !path.startsWith("$")) return undefined;
  const keys: Key[] = [];
  segment.lastIndex = 1;
  for (let at = 1; at < path.length; at = segment.lastIndex) {
    const match = segment.exec(path);
    if (match === null || keys.length >= deepestPath) return undefined;
    const [, name, index, single, double] = match;
    keys.push(index === undefined ? (name ?? (single ?? double ?? "").replace(/\\(.)/g, "$1")) : Number(index));
  }
  return keys;
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

/** Also `__proto__` is a key like any other. */
function ownValue(container: Container, key: Key): unknown {
  return Object.hasOwn(container, key) ? container[key] : undefined;
}

function setOwn(container: Container, key: Key, value: unknown): void {
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

function fits(container: Container, key: Key): boolean {
  if (!Array.isArray(container)) return true;
  return typeof key === "number" && key <= container.length + widestGap;
}

/** The object or list in which a path ends, made where it is missing; `undefined` where something else stands. */
function containerOf(root: Container, keys: readonly Key[]): Container | undefined {
  let container = root;
  for (const [index, key] of keys.slice(0, -1).entries()) {
    if (!fits(container, key)) return undefined;
    const inner = ownValue(container, key);
    if (isContainer(inner)) container = inner;
    else if (inner !== undefined) return undefined;
    else {
      const made: Container = typeof keys[index + 1] === "number" ? ([] as unknown as Container) : {};
      setOwn(container, key, made);
      container = made;
    }
  }
  return container;
}

function valueOf(piece: Fields): unknown {
  if (typeof piece["stringValue"] === "string") return piece["stringValue"];
  if (typeof piece["numberValue"] === "number") return piece["numberValue"];
  if (typeof piece["boolValue"] === "boolean") return piece["boolValue"];
  return "nullValue" in piece ? null : undefined;
}

/** `start`: what came of the arguments in one piece. */
export function createPartialArguments(start: unknown): PartialArguments {
  const root: Container = isFields(start) ? { ...start } : {};

  function addPiece(piece: Fields): void {
    const keys = keysOf(piece["jsonPath"]);
    const key = keys?.at(-1);
    const value = valueOf(piece);
    if (keys === undefined || key === undefined || value === undefined) return;
    const container = containerOf(root, keys);
    if (container === undefined || !fits(container, key)) return;
    const before = ownValue(container, key);
    // Further pieces of a text, the last of which is often empty.
    const isFurther = typeof before === "string" && typeof value === "string";
    setOwn(container, key, isFurther ? before + value : value);
  }

  return {
    add(pieces) {
      for (const piece of listOf(pieces)) if (isFields(piece)) addPiece(piece);
    },
    text: () => JSON.stringify(root),
  };
}
