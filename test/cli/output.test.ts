import { expect, test } from "bun:test";
import {
  createPalette,
  displayWidth,
  hasColor,
  printable,
  table,
  truncate,
  type Column,
} from "../../src/cli/output.ts";

interface Row {
  name: string;
  count: number;
}

const columns: Column<Row>[] = [
  { title: "NAME", text: ({ name }) => name, maxWidth: 8 },
  { title: "COUNT", text: ({ count }) => String(count), align: "right" },
  { title: "NOTE", text: ({ count }) => (count > 5 ? "many" : "") },
];

test("a table aligns its columns, cuts long cells and leaves no blanks at line ends", () => {
  const rows = [
    { name: "a", count: 1 },
    { name: "日本語モデル", count: 12 },
    { name: "very-long-name", count: 123_456 },
  ];
  expect(table(columns, rows, createPalette(false)).split("\n")).toEqual([
    "NAME       COUNT  NOTE",
    "a              1",
    "日本語…       12  many",
    "very-lo…  123456  many",
  ]);
});

test("colours do not change the widths of a table", () => {
  const painted: Column<Row>[] = columns.map((column) => ({ ...column, paint: () => createPalette(true).red }));
  const lines = table(painted, [{ name: "a", count: 10 }], createPalette(true)).split("\n");
  expect(lines[1]).toContain("\u001B[31m");
  expect(Bun.stripANSI(lines[1] ?? "")).toBe("a        10  many");
});

test("a table without rows is its titles", () => {
  expect(table(columns, [], createPalette(false))).toBe("NAME  COUNT  NOTE");
});

test("foreign text cannot break a line, colour the terminal or turn the reading direction", () => {
  const hostile = "a\u001B[31mb\u001B]0;title\u0007c\r\nd\u2028e\u202Ef\u009B31mg\u0000\uD800";
  const safe = printable(hostile);
  expect(safe).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202E]/u);
  expect(safe.isWellFormed()).toBe(true);
});

test("text is cut by the columns it takes, never inside a character", () => {
  expect(truncate("abcdef", 6)).toBe("abcdef");
  expect(truncate("abcdefg", 6)).toBe("abcde…");
  expect(truncate("日本語", 5)).toBe("日本…");
  expect(truncate("👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", 4)).toBe("👨‍👩‍👧…");
  expect(truncate("abc", 0)).toBe("");
  for (let width = 0; width < 30; width += 1) {
    expect(displayWidth(truncate("日本語 plain 👩‍🚀 é end", width))).toBeLessThanOrEqual(width);
  }
});

test("colours follow the terminal, NO_COLOR and FORCE_COLOR", () => {
  expect(hasColor({ isTTY: true }, {})).toBe(true);
  expect(hasColor({ isTTY: false }, {})).toBe(false);
  expect(hasColor({ isTTY: undefined }, {})).toBe(false);
  expect(hasColor({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
  expect(hasColor({ isTTY: true }, { NO_COLOR: "" })).toBe(true);
  expect(hasColor({ isTTY: true }, { TERM: "dumb" })).toBe(false);
  expect(hasColor({ isTTY: false }, { FORCE_COLOR: "1" })).toBe(true);
  expect(hasColor({ isTTY: true }, { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
});
