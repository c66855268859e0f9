import type { ArgsDef } from "citty";
import type { LoadedCommand } from "./command-tree.ts";
import { padEnd, type Palette } from "./output.ts";

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function optionLabel(name: string, argument: ArgsDef[string]): string {
  const aliases = "alias" in argument ? [argument.alias ?? []].flat() : [];
  const short = aliases.filter((alias) => alias.length === 1).map((alias) => `-${alias}, `);
  const negated = argument.type === "boolean" && argument.default === true ? "no-" : "";
  const hint = argument.type === "enum" ? argument.options?.join("|") : argument.valueHint;
  const value = argument.type === "boolean" || argument.type === undefined ? "" : ` <${hint ?? "text"}>`;
  return `${negated === "" ? short.join("") : ""}--${negated}${kebab(name)}${value}`;
}

function optionText(argument: ArgsDef[string]): string {
  const isNegated = argument.type === "boolean" && argument.default === true;
  const negative = isNegated && "negativeDescription" in argument ? argument.negativeDescription : undefined;
  const text = negative ?? argument.description ?? "";
  const hasDefault = argument.default !== undefined && argument.type !== "boolean" && argument.default !== "";
  return hasDefault ? `${text} (default: ${String(argument.default)})` : text;
}

function section(title: string, entries: readonly (readonly [string, string])[], colors: Palette): string[] {
  if (entries.length === 0) return [];
  const width = Math.max(...entries.map(([label]) => label.length));
  const lines = entries.map(([label, text]) => `  ${colors.cyan(padEnd(label, width))}  ${text}`.trimEnd());
  return ["", colors.bold(`${title}:`), ...lines];
}

/**
 * Help of one command as text. Its description is one line, with the examples behind it (`\n\nExamples:\n…`); they
 * are shown at the end.
 */
export function renderHelp(name: string, loaded: LoadedCommand, colors: Palette): string {
  const [summary = "", ...rest] = loaded.description.trim().split("\n");
  const entries = Object.entries(loaded.args);
  const positionals = entries.filter(([, argument]) => argument.type === "positional");
  const options = entries.filter(([, argument]) => argument.type !== "positional");
  const words = positionals.map(([word, { required }]) => (required === false ? `[${word}]` : `<${word}>`));
  if (loaded.subCommands.size > 0) words.unshift(loaded.command.run === undefined ? "<command>" : "[command]");
  const help = ["-h, --help", "Show this help"] as const;
  const examples = rest.join("\n").trim();
  return [
    summary,
    "",
    `${colors.bold("Usage:")} ${[name, ...words, "[options]"].join(" ")}`,
    ...section("Commands", [...loaded.subCommands], colors),
    ...section(
      "Arguments",
      positionals.map(([word, { description }]) => [word, description ?? ""] as const),
      colors,
    ),
    ...section(
      "Options",
      [...options.map(([key, option]) => [optionLabel(key, option), optionText(option)] as const), help],
      colors,
    ),
    ...(examples === "" ? [] : ["", examples.replace(/^Examples:/, () => colors.bold("Examples:"))]),
  ].join("\n");
}
