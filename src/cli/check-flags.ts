import type { ArgsDef } from "citty";
import { nearest } from "../lib/nearest.ts";
import { usageError } from "./output.ts";

interface Flag {
  readonly names: readonly string[];
  readonly takesValue: boolean;
}

function camel(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function flagsOf(args: ArgsDef): Flag[] {
  return Object.entries(args).flatMap(([name, argument]) => {
    if (argument.type === "positional") return [];
    const aliases = "alias" in argument ? [argument.alias ?? []].flat() : [];
    return [{ names: [name, ...aliases], takesValue: argument.type === "string" || argument.type === "enum" }];
  });
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function unknownFlag(token: string, flags: readonly Flag[]): Error {
  const known = flags.flatMap(({ names }) => names.filter((name) => name.length > 1).map(kebab));
  const suggestion = nearest(token.replace(/^-+/, ""), [...known, "help"]);
  return usageError(`unknown flag ${token}${suggestion === undefined ? "" : `; did you mean --${suggestion}?`}`);
}

function findFlag(name: string, flags: readonly Flag[]): Flag | undefined {
  return flags.find(({ names }) => names.some((known) => camel(known) === camel(name)));
}

/** Whether the flag at `token` uses up the next argument as its value. Throws for a flag that does not exist. */
function usesNext(token: string, next: string | undefined, flags: readonly Flag[]): boolean {
  const isLong = token.startsWith("--");
  const [, name = "", value] = (isLong ? /^--([^=]*)(=[\s\S]*)?$/ : /^-(.)([\s\S]*)?$/).exec(token) ?? [];
  const negated = isLong && name.startsWith("no-") ? findFlag(name.slice(3), flags) : undefined;
  const flag = findFlag(name, flags) ?? (negated?.takesValue === false ? negated : undefined);
  if (flag === undefined) throw unknownFlag(isLong ? `--${name}` : token, flags);
  if (!flag.takesValue || (value !== undefined && value !== "")) return false;
  if (next === undefined || next.startsWith("--") || findFlag(next.slice(1), flags) !== undefined) {
    throw usageError(`${isLong ? "--" : "-"}${name} needs a value`);
  }
  return true;
}

/** Refuses what the argument parser would let pass in silence: unknown flags, flags without their value, further arguments. */
export function checkFlags(rawArgs: readonly string[], args: ArgsDef): void {
  const flags = flagsOf(args);
  let room = Object.values(args).filter(({ type }) => type === "positional").length;
  for (let at = 0; at < rawArgs.length; at += 1) {
    const token = rawArgs[at] ?? "";
    if (token === "--") return;
    if (token.startsWith("-") && token !== "-") {
      if (usesNext(token, rawArgs[at + 1], flags)) at += 1;
      continue;
    }
    room -= 1;
    if (room < 0) throw usageError(`unexpected argument '${token}'`);
  }
}
