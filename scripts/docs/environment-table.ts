import { environmentVariables } from "../../src/config/env.ts";
import { codeOrDash, markdownTable } from "./markdown-table.ts";

function settingNames(paths: readonly string[]): string {
  return paths.map((path) => `\`${path}\``).join(", ") || codeOrDash("");
}

/** Every environment variable: name, default and meaning; with `withSettings` also the setting it writes. */
export function environmentTable({ withSettings }: { withSettings: boolean }): string {
  const rows = environmentVariables.map(({ name, fallback, description, paths }) => [
    `\`${name}\``,
    codeOrDash(fallback),
    ...(withSettings ? [settingNames(paths)] : []),
    description,
  ]);
  return markdownTable(["Variable", "Default", ...(withSettings ? ["Setting"] : []), "What it does"], rows);
}
