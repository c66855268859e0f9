import type { FaultProtocol } from "../support/fault-wire.ts";
import { breaks, fails, good, type Expectation, type Row } from "./row.ts";

const failed = fails("upstream_error", { again: true });
const failedOpen = fails("upstream_error", { again: true, closes: 0 });
const invalid = fails("upstream_invalid_response");
/** Ollama's errors are texts without a status. */
const wordless: readonly FaultProtocol[] = ["ollama-chat"];

function whole(what: string, fault: string, expected: Expectation, more: Partial<Row> = {}): Row {
  return { what, fault, stream: expected, whole: expected, ...more };
}

function inStream(what: string, fault: string, expected: Expectation, more: Partial<Row> = {}): Row {
  return { what, fault, stream: expected, whole: undefined, ...more };
}

/** Errors with status 200. */
export const errorInsideRows: readonly Row[] = [
  whole("200 with an error", "error-200", failed),
  whole("200 with a limit", "error-200:429", fails("rate_limit_exceeded", { again: true, retryAfter: [30, 30] }), {
    not: wordless,
  }),
  whole("200 with a wrong request", "error-200:400", fails("invalid_request", { next: false }), { not: wordless }),
  whole("200 with a refused key", "error-200:401", fails("upstream_rejected_credential"), {
    not: wordless,
    isOwn: true,
  }),
  inStream("an error as first event", "error-first", failedOpen),
  inStream(
    "a limit as first event",
    "error-first:429",
    fails("rate_limit_exceeded", { again: true, closes: 0, retryAfter: [30, 30] }),
    { not: wordless },
  ),
  inStream("a wrong request as first event", "error-first:400", fails("invalid_request", { next: false, closes: 0 }), {
    not: wordless,
  }),
  inStream("an error behind a beginning without content", "error-preamble", failedOpen),
  {
    what: "an error behind more than can be held back",
    fault: "error-late",
    // What is translated holds nothing back but what it says itself.
    stream: ({ client, upstream }) => (client === upstream ? breaks("upstream_error", 0) : failedOpen),
    whole: undefined,
  },
  inStream("content and an error", "error-half", breaks("upstream_error", 0)),
];

/** Answers that are none. */
export const strangeRows: readonly Row[] = [
  whole("a web page", "html", invalid),
  whole("an empty body", "empty-body", invalid),
  whole("204", "no-content", invalid),
  whole("null", "null", invalid),
  whole("a list", "list", invalid),
  whole("another object", "other-object", invalid),
  whole("half an object", "truncated-whole", invalid),
  { what: "a stream that nobody asked for", fault: "stream-for-whole", stream: undefined, whole: invalid },
  // In the same lane they are the client's to judge, and then nothing follows; else the third one is too many.
  {
    what: "events without JSON",
    fault: "broken-events",
    stream: ({ client, upstream }) => (client === upstream ? failed : invalid),
    whole: undefined,
  },
  whole("gzip that is corrupt", "gzip-corrupt", invalid),
  whole("gzip that is cut", "gzip-truncated", invalid),
  whole("gzip that is none", "gzip-none", invalid),
  {
    what: "gzip in gzip",
    fault: "gzip-double",
    // What comes out may look like a few broken lines.
    stream: ({ client, upstream }) => (client !== upstream && upstream === "ollama-chat" ? undefined : failed),
    whole: invalid,
  },
  inStream("content and corrupt gzip", "half-gzip-corrupt", breaks("upstream_invalid_response", 0)),
];

/** Events larger than any may be. */
export const giantRows: readonly Row[] = [
  inStream("a giant event", "giant", fails("upstream_invalid_response", { closes: 0 })),
  inStream("content and a giant event", "half-giant", breaks("upstream_invalid_response", 0)),
];

/** Answers that end too early, and cleanly. */
export const endingRows: readonly Row[] = [
  { what: "an end at once", fault: "ends-empty", stream: failed, whole: invalid },
  inStream("an end before any content", "ends-preamble", failed),
  { what: "content and an end", fault: "ends-half", stream: breaks("upstream_error"), whole: invalid },
  inStream("an end in the first event", "ends-in-first-event", failed),
  inStream("content and an end in an event", "ends-in-event", breaks("upstream_error")),
  whole("an answer without content", "empty", fails("upstream_empty_answer", { passesAlone: true })),
];

const chatOnly: readonly FaultProtocol[] = ["anthropic-messages", "openai-responses", "gemini-generate", "ollama-chat"];

/** Answers that are whole in spite of it all. */
export const oddityRows: readonly Row[] = [
  whole("a good answer", "good", good()),
  whole("gzip", "gzip", good()),
  whole("deflate", "deflate", good()),
  whole("three bytes at a time", "bytes", good()),
  whole("an answer as long as the connection", "close-whole", good()),
  whole("interim answers", "early-hints", good()),
  whole("bytes behind the answer", "excess", good({ closes: { within: 1000 } })),
  whole("another content type", "other-type", good(), { not: ["ollama-chat"] }),
  inStream("line ends of two characters", "crlf", good({ isLax: true })),
  inStream("100 KiB of comments", "comment-flood", good({ isLax: true })),
  inStream("an event before the first", "leading-event", good({ isLax: true })),
  inStream("an event of an unknown kind", "unknown-event", good({ isLax: true })),
  inStream("an event without JSON among others", "broken-event", good({ isLax: true })),
  whole("no usage", "no-usage", good({ isLax: true })),
  inStream("no [DONE]", "no-done", good({ isLax: true }), { not: chatOnly }),
  inStream("no [DONE] and a reset", "no-done-rst", good({ isLax: true }), { not: chatOnly }),
  inStream("two ends", "double-done", good(), { not: ["gemini-generate"] }),
  inStream("more behind the end", "after-done", good({ closes: { within: 1000 } }), { not: ["gemini-generate"] }),
  { what: "one piece instead of a stream", fault: "json-for-stream", stream: good(), whole: good() },
  whole("a late head", "late-head", good()),
  inStream("late content", "late-content", good({ isLax: true })),
  inStream("a long pause with signs of life", "half-late", good({ isLax: true })),
  whole("content for longer than any silence may last", "paced", good()),
];
