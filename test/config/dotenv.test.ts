import { expect, test } from "bun:test";
import { parseDotenv } from "../../src/config/dotenv.ts";

test("names, quotes, comments and export are read as other .env loaders read them", () => {
  const { values, warnings } = parseDotenv(
    [
      "# comment",
      "",
      "PLAIN=value",
      "SPACES = around it  ",
      "export EXPORTED=yes",
      "COMMENTED=value # why",
      "HASH=a#b",
      `DOUBLE="two words # kept" # why`,
      `SINGLE='it is $NOT expanded \\n'`,
      `ESCAPED="say \\"hi\\" \\\\ there"`,
      "EMPTY=",
      `EMPTY_QUOTED=""`,
      "ONLY_COMMENT= # nothing",
      "EQUALS=a=b==",
      "DOLLAR=$HOME/${X}",
      "TWICE=1",
      "TWICE=2",
    ].join("\n"),
  );
  expect(warnings).toEqual([]);
  expect({ ...values }).toEqual({
    PLAIN: "value",
    SPACES: "around it",
    EXPORTED: "yes",
    COMMENTED: "value",
    HASH: "a#b",
    DOUBLE: "two words # kept",
    SINGLE: "it is $NOT expanded \\n",
    ESCAPED: 'say "hi" \\ there',
    EMPTY: "",
    EMPTY_QUOTED: "",
    ONLY_COMMENT: "",
    EQUALS: "a=b==",
    DOLLAR: "$HOME/${X}",
    TWICE: "2",
  });
});

test("Windows line ends and Windows paths survive", () => {
  const { values, warnings } = parseDotenv('A=1\r\nLOG="C:\\new\\traffic.log"\r\nDIR=C:\\temp\\\r\n');
  expect({ ...values }).toEqual({ A: "1", LOG: "C:\\new\\traffic.log", DIR: "C:\\temp\\" });
  expect(warnings).toEqual([]);
});

test("a line that cannot be read is named by its number, and its content stays secret", () => {
  const { values, warnings } = parseDotenv(
    'sk-or-canary-1\nA="sk-or-canary-2\n$env:OR_API_KEY = "sk-or-canary-3"\nB=1',
  );
  expect({ ...values }).toEqual({ B: "1" });
  expect(warnings).toHaveLength(3);
  expect(warnings[0]).toStartWith("line 1 is not NAME=value");
  expect(warnings[1]).toStartWith("line 2 has a quote");
  expect(warnings[2]).toStartWith("line 3 is a PowerShell command");
  expect(warnings.join()).not.toContain("canary");
});

test("a variable named like a part of every object is only a variable", () => {
  const { values } = parseDotenv("__proto__=x\nconstructor=y");
  expect(Object.entries(values)).toEqual([
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
});
