import { expect, test } from "bun:test";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import type { Part } from "../../../src/protocols/canonical/conversation.ts";
import { countText, estimateTokens } from "../../../src/protocols/canonical/count-tokens.ts";
import { roughTokens } from "../../../src/protocols/canonical/rough-tokens.ts";
import { conversationOf } from "../../support/conversation.ts";
import { createRandom, randomText } from "../../support/random.ts";

const oneToken = 1;
const frame = 4;

function ofParts(...parts: Part[]): Promise<number> {
  return estimateTokens(conversationOf({ turns: [{ role: "user", parts }] }));
}

/** Tokens of a part beyond those of an empty turn. */
async function weightOf(part: Part): Promise<number> {
  return (await ofParts(part)) - (await ofParts());
}

const alphabet = "abcdefghijklmnopqrstuvwxyz";

/** Letters without a space, which never repeat. */
function noise(length: number, letter: (value: number) => string): string {
  const random = createRandom(length);
  return Array.from({ length }, () => letter(Math.floor(random() * 20_000))).join("");
}

test("short texts are counted to the token", async () => {
  expect(await countText("")).toBe(0);
  expect(await countText("hello world")).toBe(2);
  for (const text of [
    "Ελληνικά",
    "日本語のテキスト",
    "👨‍👩‍👧 family",
    "\ud800 alone \udc00",
    "a\u0000b",
    '{"a": [1, 2]}\r\n',
  ]) {
    expect(await countText(text)).toBe(countTokens(text));
  }
});

test("a special token in a user's text is text", async () => {
  expect(await countText("<|endoftext|>")).toBeGreaterThan(oneToken);
  expect(await countText("say <|im_start|>system<|im_end|><|endofprompt|>".repeat(50))).toBeGreaterThan(300);
});

test("slices change the count of ordinary texts by less than 1 %", async () => {
  const readme = await Bun.file(`${import.meta.dir}/../../../README.md`).text();
  const russian = await Bun.file(`${import.meta.dir}/../../../README.ru.md`).text();
  for (const text of [
    readme,
    russian,
    JSON.stringify({ readme, russian }),
    "日本語の文章は、とても長い。".repeat(500),
  ]) {
    const whole = countTokens(text, { disallowedSpecial: new Set() });
    expect(Math.abs((await countText(text)) - whole)).toBeLessThanOrEqual(whole / 100);
  }
});

test("any text at all is counted, and nothing is thrown", async () => {
  const random = createRandom(6);
  for (let round = 0; round < 300; round += 1) {
    const text = Array.from({ length: 20 }, () => randomText(random)).join("");
    const tokens = await countText(text);
    expect(tokens).toBeGreaterThanOrEqual(text === "" ? 0 : 1);
    expect(tokens).toBeLessThanOrEqual(text.length * 3);
  }
});

test("texts that cost a tokenizer the square of their length hold nobody up", async () => {
  await countText("loaded");
  const hostile = [
    "a".repeat(300_000),
    " ".repeat(300_000),
    noise(300_000, (value) => alphabet.charAt(value % 26)),
    noise(300_000, (value) => String.fromCharCode(0x4e00 + value)),
    noise(300_000, (value) => String.fromCharCode(0x5d0 + (value % 27))),
    noise(300_000, (value) => String.fromCharCode(0xd800 + (value % 0x800))),
  ];
  for (const text of hostile) {
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const start = performance.now();
    expect(await countText(text)).toBeGreaterThan(0);
    const tookMs = performance.now() - start;
    clearInterval(timer);
    expect(tookMs).toBeLessThan(3000);
    // Each turn of the loop takes about 5 ms of it on an idle machine.
    expect(turns).toBeGreaterThanOrEqual(Math.floor(tookMs / 60));
  }
});

test("of a text beyond 2,000,000 characters the end is estimated by its length", async () => {
  const text = "word ".repeat(400_000);
  expect(text.length).toBe(2_000_000);
  const counted = await countText(text);
  expect(counted).toBeGreaterThan(400_000);
  expect(await countText(text + "x".repeat(4_000_000))).toBeWithin(counted + 850_000, counted + 1_150_000);
});

test("a small count does not wait for a huge one to end", async () => {
  const order: string[] = [];
  await Promise.all([
    countText("lorem ipsum ".repeat(150_000)).then(() => order.push("huge")),
    countText("small").then(() => order.push("small")),
  ]);
  expect(order).toEqual(["small", "huge"]);
});

test("turns, roles, calls and tools have their frames beside their texts", async () => {
  expect(await estimateTokens(conversationOf({ turns: [] }))).toBe(frame);
  expect(await ofParts()).toBe(2 * frame);
  expect(await weightOf({ type: "text", text: "hello world" })).toBe(2);
  expect(await weightOf({ type: "refusal", text: "hello world" })).toBe(2);
  expect(await weightOf({ type: "reasoning", text: "hello world", opaque: [] })).toBe(2);
  const call: Part = { type: "tool_call", id: "a-very-long-id", name: "weather", kind: "function", input: "{}" };
  expect(await weightOf(call)).toBe(frame + oneToken + countTokens("{}"));
  const inner: Part = { type: "text", text: "hello world" };
  expect(await weightOf({ type: "tool_result", callId: "x", parts: [inner, inner], isError: false })).toBe(frame + 4);
  const bare = await estimateTokens(conversationOf({ turns: [] }));
  const tools = [
    { name: "weather", kind: "function" as const, description: "hello world", parameters: { type: "object" } },
  ];
  const withTool = await estimateTokens(conversationOf({ turns: [], tools }));
  expect(withTool - bare).toBe(frame + oneToken + 2 + countTokens('{"type":"object"}'));
  const format = { type: "schema" as const, name: "n", description: undefined, schema: { a: 1 }, strict: true };
  expect((await estimateTokens(conversationOf({ turns: [], format }))) - bare).toBe(countTokens('{"a":1}'));
});

test("pictures, files and sounds are estimated, and their bytes never read", async () => {
  const data = "A".repeat(4_000_000);
  const base64 = (mediaType: string) => ({ kind: "base64" as const, mediaType, data });
  const start = performance.now();
  expect(await weightOf({ type: "image", source: base64("image/png") })).toBe(1000);
  expect(await weightOf({ type: "image", source: { kind: "url", url: "https://example.com/a.png" } })).toBe(1000);
  expect(await weightOf({ type: "file", source: base64("application/pdf") })).toBe(60 * 1500);
  expect(await weightOf({ type: "file", source: { kind: "file-id", id: "file-1" } })).toBe(1500);
  expect(await weightOf({ type: "file", source: base64("text/plain"), name: "notes" })).toBe(750_000 + oneToken);
  expect(await weightOf({ type: "file", source: base64("application/octet-stream") })).toBe(750_000);
  expect(await weightOf({ type: "file", source: base64("image/png") })).toBe(1000);
  expect(await weightOf({ type: "audio", source: base64("audio/wav") })).toBe(3000);
  expect(await weightOf({ type: "audio", source: { kind: "url", url: "x" } })).toBe(1500);
  expect(performance.now() - start).toBeLessThan(500);
});

function opaque(value: unknown): Part {
  return { type: "opaque", protocol: "openai-responses", value };
}

test("of a part that nobody knows the texts count and the bytes do not", async () => {
  const value = {
    type: "search_result",
    title: "hello world",
    blob: "A".repeat(1_000_000),
    url: "data:image/png;base64,AAAA",
  };
  expect(await weightOf({ type: "opaque", protocol: "anthropic-messages", value })).toBeLessThan(40);
  expect(await weightOf(opaque(undefined))).toBe(0);
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  expect(await weightOf(opaque(circle))).toBe(0);
  let deep: unknown = "x";
  for (let depth = 0; depth < 10_000; depth += 1) deep = [deep];
  expect(await weightOf(opaque(deep))).toBeGreaterThanOrEqual(0);
});

test("the guess that must be at hand at once is a quarter of the bytes, rounded up", () => {
  expect([0, 1, 4, 5, 1000].map(roughTokens)).toEqual([0, 1, 1, 2, 250]);
});

test("the tokenizer is not loaded before something is counted", async () => {
  const source = `
    const { estimateTokens } = await import("${import.meta.dir}/../../../src/protocols/canonical/count-tokens.ts");
    const conversation = { turns: [{ role: "user", parts: [{ type: "text", text: "" }] }], tools: [] };
    await estimateTokens(conversation);
    const before = Object.keys(require.cache).filter((path) => path.includes("gpt-tokenizer")).length;
    conversation.turns[0].parts[0].text = "hello";
    await estimateTokens(conversation);
    const after = Object.keys(require.cache).filter((path) => path.includes("gpt-tokenizer")).length;
    console.log(before, after > 0);
  `;
  const child = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe", stderr: "inherit" });
  expect((await new Response(child.stdout).text()).trim()).toBe("0 true");
});
