import type { Conversation, Part, Source, Tool, Turn } from "./conversation.ts";
import { imageTokens, inlineTokens, remoteTokens, roughTokens } from "./rough-tokens.ts";

/** What counting reads of a conversation: texts, and tokens that no text shows. */
interface Weight {
  texts: string[];
  tokens: number;
}

/** A turn's role and the marks around it; a tool's or call's frame is of the same size. */
const frameTokens = 4;

/**
 * A run of letters without a space costs the square of its length: 100 kB of them kept the tokenizer busy for 13 s. In
 * slices it is milliseconds, and the sum is wrong by 1 % at most. A character beyond ASCII is several bytes, so fewer fit.
 */
const asciiSlice = 1000;
const wideSlice = 400;
/** A cut at a space disturbs no token. */
const searchForSpace = 100;

/** What is counted for real of one request; the rest is estimated by its length. */
const mostCharacters = 2_000_000;
const mostMilliseconds = 500;
/** Other requests wait no longer than this, and one slice. */
const batchMs = 4;

/** Words that were split into tokens before; keys hold on to the request they were cut from, so they are few and dropped soon. */
const mergeCacheSize = 1000;

interface Encoding {
  count: (text: string) => number;
  forget: () => void;
}

let loading: Promise<Encoding> | undefined;

/** Loaded when first needed: it takes some 300 ms and 100 MB that most gateways never spend. */
function encoding(): Promise<Encoding> {
  loading ??= import("gpt-tokenizer/encoding/o200k_base").then(
    ({ countTokens, setMergeCacheSize, clearMergeCache }) => {
      setMergeCacheSize(mergeCacheSize);
      // By default a user's "<|endoftext|>" would be refused; upstreams take it for the plain text it is.
      const options = { disallowedSpecial: new Set<string>() };
      return { count: (text: string) => countTokens(text, options), forget: clearMergeCache };
    },
  );
  return loading;
}

let lastBatch: Promise<unknown> = Promise.resolve();

/** Runs a batch in a turn of the event loop of its own: of many counts at once, each gets one after another. */
function inTurn<T>(batch: () => T): Promise<T> {
  const result = lastBatch.then(
    () =>
      new Promise<T>((resolve, reject) => {
        setImmediate(() => {
          try {
            resolve(batch());
          } catch (error) {
            reject(error);
          }
        });
      }),
  );
  lastBatch = result.catch(() => undefined);
  return result;
}

function isHighSurrogate(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800;
}

/** Where the slice that begins at `start` ends. */
function sliceEnd(text: string, start: number): number {
  const ahead = text.slice(start, start + asciiSlice);
  const limit = Buffer.byteLength(ahead) === ahead.length ? asciiSlice : wideSlice;
  if (start + limit >= text.length) return text.length;
  const space = ahead.lastIndexOf(" ", limit);
  if (space > limit - searchForSpace) return start + space;
  return start + (isHighSurrogate(ahead, limit - 1) ? limit - 1 : limit);
}

/** The slices of all texts, as far as they are counted. */
function* slicesOf(texts: readonly string[]): Generator<string> {
  for (const text of texts) {
    for (let start = 0; start < text.length;) {
      const end = sliceEnd(text, start);
      yield text.slice(start, end);
      start = end;
    }
  }
}

async function countTexts(texts: readonly string[]): Promise<number> {
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length === 0) return 0;
  const { count, forget } = await encoding();
  const slices = slicesOf(texts);
  let tokens = 0;
  let read = 0;
  let spentMs = 0;

  function batch(): boolean {
    const start = performance.now();
    let passedMs = 0;
    while (passedMs < batchMs && read < mostCharacters) {
      const { value: slice, done } = slices.next();
      if (done === true) break;
      tokens += count(slice);
      read += slice.length;
      passedMs = performance.now() - start;
    }
    spentMs += passedMs;
    const isDone = read >= Math.min(length, mostCharacters) || spentMs >= mostMilliseconds;
    if (isDone) forget();
    return isDone;
  }

  while (!(await inTurn(batch)));
  return tokens + roughTokens(length - read);
}

/** Deep values that came as text inside of a text may be too deep to write out. */
function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}

function sourceTokens(source: Source): number {
  return source.kind === "base64" ? inlineTokens(source.mediaType, source.data.length) : remoteTokens;
}

const longestWord = 200;

/** Encoded bytes: a data URL, or a long text without a space. */
function isEncoded(text: string): boolean {
  return text.startsWith("data:") || (text.length > longestWord && !/\s/.test(text.slice(0, longestWord)));
}

/** A part that only its own protocol knows: its texts, without the bytes it may hold. */
function opaqueText(value: unknown): string {
  try {
    const withoutBytes = (_key: string, inner: unknown): unknown =>
      typeof inner === "string" && isEncoded(inner) ? "" : inner;
    return JSON.stringify(value, withoutBytes) ?? "";
  } catch {
    return "";
  }
}

function weighPart(part: Part, weight: Weight): void {
  switch (part.type) {
    case "text":
    case "reasoning":
    case "refusal":
      weight.texts.push(part.text);
      return;
    case "tool_call":
      weight.tokens += frameTokens;
      weight.texts.push(part.name, part.input);
      return;
    case "tool_result":
      weight.tokens += frameTokens;
      for (const inner of part.parts) weighPart(inner, weight);
      return;
    case "image":
      weight.tokens += imageTokens;
      return;
    case "audio":
      weight.tokens += sourceTokens(part.source);
      return;
    case "file":
      weight.tokens += sourceTokens(part.source);
      weight.texts.push(part.name ?? "");
      return;
    case "opaque":
      weight.texts.push(opaqueText(part.value));
  }
}

function weighTurn({ parts }: Turn, weight: Weight): void {
  weight.tokens += frameTokens;
  for (const part of parts) weighPart(part, weight);
}

function weighTool({ name, description, parameters, format }: Tool, weight: Weight): void {
  weight.tokens += frameTokens;
  weight.texts.push(name, description ?? "", jsonText(parameters), jsonText(format));
}

/** Tokens of a text by OpenAI's newest encoding; of a very long one the end is estimated. */
export function countText(text: string): Promise<number> {
  return countTexts([text]);
}

/**
 * How many input tokens a request has, about: texts by OpenAI's newest encoding, pictures and files by a rule of thumb.
 * Never holds up the event loop for long, whatever the request is.
 */
export async function estimateTokens({ turns, tools, format }: Conversation): Promise<number> {
  // The answer's own role begins it.
  const weight: Weight = { texts: [], tokens: frameTokens };
  for (const turn of turns) weighTurn(turn, weight);
  for (const tool of tools) weighTool(tool, weight);
  if (format?.type === "schema") weight.texts.push(jsonText(format.schema));
  return weight.tokens + (await countTexts(weight.texts));
}
