import { parseArgs } from "node:util";

/** `--name number` of a program, with defaults; `--binary PATH` says which executable is tried. */
export function numberOptions<Name extends string>(defaults: Readonly<Record<Name, number>>): Record<Name, number> {
  const names = Object.keys(defaults) as Name[];
  const { values } = parseArgs({
    options: {
      binary: { type: "string" },
      ...Object.fromEntries(names.map((name) => [name, { type: "string" }] as const)),
    },
  });
  const given = values as Readonly<Record<string, string | undefined>>;
  if (given["binary"] !== undefined) process.env["ORCESTATOR_BINARY"] = given["binary"];
  const read = names.map((name): [Name, number] => [name, Number(given[name] ?? defaults[name])]);
  const wrong = read.find(([, value]) => !(value >= 0));
  if (wrong !== undefined) throw new Error(`--${wrong[0]} wants a number`);
  return Object.fromEntries(read) as Record<Name, number>;
}
