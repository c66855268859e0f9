import { allOf, begin, sendBody, writeAll, type Fault, type Scene } from "./fault-scene.ts";
import { brokenEventOf, commentOf, type FaultProtocol } from "./fault-wire.ts";

/** Good answers in odd forms: whoever gives up on them loses what is all there. */

function play(scene: Scene, pieces: readonly (string | Uint8Array)[], headers: Record<string, string> = {}): void {
  begin(scene, headers);
  writeAll(scene, pieces);
  scene.exchange.end();
}

/** An event that says nothing of the answer, as some servers send it before the first one. */
const leading: Readonly<Record<FaultProtocol, string>> = {
  "openai-chat": `data: ${JSON.stringify({
    id: "",
    object: "",
    created: 0,
    model: "",
    choices: [],
    prompt_filter_results: [{ prompt_index: 0, content_filter_results: { hate: { filtered: false } } }],
  })}\n\n`,
  "openai-responses": `event: keepalive\ndata: ${JSON.stringify({ type: "keepalive", sequence_number: 0 })}\n\n`,
  "anthropic-messages": `event: ping\ndata: ${JSON.stringify({ type: "ping" })}\n\n`,
  "gemini-generate": `data: ${JSON.stringify({ usageMetadata: { promptTokenCount: 7 }, modelVersion: "m", responseId: "good_1" })}\r\n\r\n`,
  "ollama-chat": "\n",
};

/** An event of a kind that nobody knows yet. */
const unknown: Readonly<Record<FaultProtocol, string>> = {
  "openai-chat": 'event: x.rotten\ndata: {"object":"x.rotten","x_rotten":true}\n\n',
  "openai-responses": 'event: response.rotten.delta\ndata: {"type":"response.rotten.delta","sequence_number":3}\n\n',
  "anthropic-messages": 'event: rotten_update\ndata: {"type":"rotten_update","index":0}\n\n',
  "gemini-generate": 'data: {"rottenMetadata":{},"modelVersion":"m","responseId":"good_1"}\r\n\r\n',
  "ollama-chat": '{"x_rotten":true}\n',
};

/** Usage as it stands in each protocol's answers. */
const usageFields = /"(?:usage|usageMetadata)":\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\},?/g;
const countFields = /"(?:prompt_eval_count|eval_count|prompt_eval_duration|eval_duration)":\d+,?/g;

function withoutUsage({ protocol }: Scene, piece: string): string {
  if (protocol === "ollama-chat") return piece.replaceAll(countFields, "").replaceAll(",}", "}");
  // Of Anthropic's two the one in `message_start` stays: it is part of the message.
  if (protocol === "anthropic-messages" && !piece.includes('"message_delta"')) return piece;
  if (protocol === "openai-chat" && piece.includes('"choices":[]')) return "";
  return piece
    .replaceAll(/\s*\n\s*(?=["{}[\]])/g, (space) => (piece.startsWith("{") ? "" : space))
    .replaceAll(usageFields, "")
    .replaceAll(/,(?=[}\]])/g, "");
}

/** Some of the content, with whatever comes before it, and the rest. */
function halves({ parts }: Scene): [string[], string[]] {
  const { preamble, content, ending } = parts;
  return [
    [...preamble, ...content.slice(0, 2)],
    [...content.slice(2), ...ending],
  ];
}

/** A pause that sends something which is no content. */
async function pauseAloud(scene: Scene, milliseconds: number): Promise<void> {
  const until = performance.now() + milliseconds;
  while (performance.now() < until && !scene.exchange.hasEnded()) {
    scene.exchange.write(commentOf(scene.protocol));
    await scene.exchange.pause(50);
  }
}

function lastEvent({ parts }: Scene): string {
  return parts.ending.at(-1) ?? "";
}

export const oddities = {
  good: (scene) => play(scene, allOf(scene)),
  gzip: (scene) => play(scene, [Bun.gzipSync(Buffer.from(allOf(scene).join("")))], { "content-encoding": "gzip" }),
  deflate: (scene) =>
    play(scene, [Bun.deflateSync(Buffer.from(allOf(scene).join("")))], { "content-encoding": "deflate" }),
  /** Every few bytes in a chunk of their own, so that characters and line ends are cut. */
  bytes: async (scene) => {
    begin(scene);
    const bytes = Buffer.from(allOf(scene).join(""));
    for (let at = 0; at < bytes.length; at += 3) {
      scene.exchange.write(bytes.subarray(at, at + 3));
      // A write of its own only where the loop turns in between.
      if ((bytes[at] ?? 0) > 0x7f) await scene.exchange.pause(0);
    }
    scene.exchange.end();
  },
  "close-whole": (scene) => {
    begin(scene, {}, "close");
    writeAll(scene, allOf(scene));
    scene.exchange.end();
  },
  "early-hints": (scene) => {
    scene.exchange.writeRaw("HTTP/1.1 103 Early Hints\r\nlink: </rotten>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    play(scene, allOf(scene));
  },
  /** Bytes behind the answer that belong to none. */
  excess: (scene) => {
    begin(scene);
    writeAll(scene, allOf(scene));
    scene.exchange.writeRaw("0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nrotten");
    scene.mark();
  },
  /** Much that is no content, and then all of it. */
  "comment-flood": (scene) => {
    const comment = commentOf(scene.protocol);
    play(scene, [comment.repeat(Math.ceil((100 * 1024) / comment.length)), ...allOf(scene)]);
  },
  "other-type": (scene) =>
    play(scene, allOf(scene), { "content-type": scene.isStream ? "Text/Event-Stream" : "text/plain" }),
  crlf: (scene) =>
    play(
      scene,
      allOf(scene).map((piece) => piece.replaceAll(/\r?\n/g, "\r\n")),
    ),
  "leading-event": (scene) => play(scene, [leading[scene.protocol], ...allOf(scene)]),
  "unknown-event": (scene) => {
    const [first, second] = halves(scene);
    play(scene, [...first, unknown[scene.protocol], ...second]);
  },
  "broken-event": (scene) => {
    const [first, second] = halves(scene);
    play(scene, [...first, brokenEventOf(scene.protocol), ...second]);
  },
  "no-usage": (scene) => {
    const pieces = allOf(scene).map((piece) => withoutUsage(scene, piece));
    if (scene.isStream) play(scene, pieces);
    else sendBody(scene, { body: pieces.join("") });
  },
  /** The answer is whole, and the word that says so does not come. */
  "no-done": (scene) => play(scene, allOf(scene).slice(0, -1)),
  "no-done-rst": async (scene) => {
    begin(scene);
    writeAll(scene, allOf(scene).slice(0, -1));
    await scene.exchange.pause(25);
    scene.exchange.cut("rst");
  },
  "double-done": (scene) => play(scene, [...allOf(scene), lastEvent(scene)]),
  /** More behind the end, and the connection stays. */
  "after-done": (scene) => {
    begin(scene);
    writeAll(scene, [...allOf(scene), unknown[scene.protocol], lastEvent(scene)]);
    scene.mark();
  },
  "json-for-stream": (scene) =>
    sendBody(scene, { headers: { "content-type": scene.whole.contentType }, body: scene.whole.body }),
  /** Slow, and within every limit. */
  "late-head": async (scene) => {
    await scene.exchange.pause(200);
    play(scene, allOf(scene));
  },
  "late-content": async (scene) => {
    begin(scene);
    await pauseAloud(scene, 200);
    writeAll(scene, allOf(scene));
    scene.exchange.end();
  },
  /** The line is kept alive for longer than silence may last, and then it goes on. */
  "half-late": async (scene) => {
    const [first, second] = halves(scene);
    begin(scene);
    writeAll(scene, first);
    await pauseAloud(scene, 480);
    writeAll(scene, second);
    scene.exchange.end();
  },
  /** Longer than every limit but the whole, and something new all the time. */
  paced: async (scene) => {
    begin(scene);
    const pieces = allOf(scene);
    const pause = Math.min(250, 1200 / pieces.length);
    for (const piece of pieces) {
      scene.exchange.write(piece);
      await scene.exchange.pause(pause);
    }
    scene.exchange.end();
  },
} satisfies Record<string, Fault>;
