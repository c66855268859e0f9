import { expect, test } from "bun:test";
import { decodeText } from "../../src/config/read-text.ts";

const text = 'A="Привет"\nB=1\n';

function utf16(source: string, order: "le" | "be"): Uint8Array {
  const bytes = Buffer.from(source, "utf16le");
  return order === "le" ? bytes : bytes.swap16();
}

test("UTF-8 is read with and without a byte order mark", () => {
  expect(decodeText(Buffer.from(text))).toEqual({ text, lineEnd: "\n", isDamaged: false, encoding: "utf-8" });
  expect(decodeText(Buffer.from(`\uFEFF${text}`)).text).toBe(text);
});

test("UTF-16, as PowerShell's > writes it, is read in both byte orders, with and without a byte order mark", () => {
  expect(decodeText(utf16(`\uFEFF${text}`, "le")).text).toBe(text);
  expect(decodeText(utf16(`\uFEFF${text}`, "be")).text).toBe(text);
  expect(decodeText(utf16(text, "le")).text).toBe(text);
  expect(decodeText(utf16(text, "be")).text).toBe(text);
});

test("all line ends become \\n and the file's own is remembered", () => {
  expect(decodeText(Buffer.from("a\r\nb\rc\nd"))).toMatchObject({ text: "a\nb\nc\nd", lineEnd: "\r\n" });
});

test("text in a Windows code page is noticed as damaged", () => {
  expect(decodeText(Buffer.from([0x41, 0x3d, 0xcf, 0xf0, 0xe8, 0x0a])).isDamaged).toBe(true);
  expect(decodeText(new Uint8Array()).isDamaged).toBe(false);
});
