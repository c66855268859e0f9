import {
  allOf,
  begin,
  errorBody,
  errorEvent,
  failedEvent,
  firstHalf,
  sendBody,
  settled,
  writeAll,
  type Fault,
  type Scene,
} from "./fault-scene.ts";
import { brokenEventOf, commentOf, emptyAnswer, emptyEvents, scriptOf } from "./fault-wire.ts";

/** Answers with status 200 that are no answers, or odd ones that are. */

function play(scene: Scene, pieces: readonly (string | Uint8Array)[], headers: Record<string, string> = {}): void {
  begin(scene, headers);
  writeAll(scene, pieces);
  scene.exchange.end();
}

/** Writes, and stays: whoever has understood closes. */
function playAndStay(scene: Scene, pieces: readonly string[]): void {
  begin(scene);
  writeAll(scene, pieces);
  scene.mark();
}

export const errorsInside = {
  "error-200": (scene) => sendBody(scene, { body: errorBody(scene, Number(scene.args[0] ?? 500)) }),
  "error-first": (scene) => playAndStay(scene, [errorEvent(scene)]),
  "error-preamble": (scene) => playAndStay(scene, [...scene.parts.preamble, failedEvent(scene)]),
  /** So much without content that it cannot be held back any longer. */
  "error-late": async (scene) => {
    const comment = commentOf(scene.protocol);
    begin(scene);
    writeAll(scene, [...scene.parts.preamble, comment.repeat(Math.ceil((100 * 1024) / comment.length))]);
    await settled(scene);
    scene.exchange.write(errorEvent(scene));
    scene.mark();
  },
  "error-half": async (scene) => {
    begin(scene);
    writeAll(scene, firstHalf(scene));
    await settled(scene);
    scene.exchange.write(errorEvent(scene));
    scene.mark();
  },
} satisfies Record<string, Fault>;

/** One event or line that is larger than anything an answer may hold. */
function giant({ protocol, parts }: Scene): string {
  const [event = ""] = parts.content;
  const size = 5 * 1024 * 1024;
  return protocol === "ollama-chat"
    ? event.trimEnd() + " ".repeat(size)
    : event.trimEnd().replace(/\}$/, " ".repeat(size));
}

const html = "<!doctype html><title>Rotten gateway</title>";

export const strangeAnswers = {
  html: (scene) => sendBody(scene, { headers: { "content-type": "text/html; charset=utf-8" }, body: html }),
  "empty-body": (scene) => sendBody(scene, { body: "" }),
  "no-content": (scene) => {
    scene.exchange.start({ status: 204, framing: "length" });
    scene.exchange.end();
  },
  null: (scene) => sendBody(scene, { body: "null" }),
  list: (scene) => sendBody(scene, { body: '["rotten"]' }),
  "other-object": (scene) => sendBody(scene, { body: '{"rotten":true}' }),
  "truncated-whole": (scene) => sendBody(scene, { body: firstHalf({ ...scene, isStream: false }).join("") }),
  "stream-for-whole": (scene) => {
    const { parts, exchange } = scene;
    exchange.start({ headers: { "content-type": parts.contentType } });
    writeAll(scene, allOf({ ...scene, isStream: true }));
    exchange.end();
  },
  "ends-empty": (scene) => play(scene, []),
  "ends-preamble": (scene) => play(scene, scene.parts.preamble),
  "ends-half": async (scene) => {
    begin(scene);
    writeAll(scene, firstHalf(scene));
    await settled(scene);
    scene.exchange.end();
  },
  /** The end stands in the middle of an event. */
  "ends-in-first-event": (scene) => play(scene, [...scene.parts.preamble, (scene.parts.content[0] ?? "").slice(0, 25)]),
  "ends-in-event": async (scene) => {
    begin(scene);
    writeAll(scene, [...firstHalf(scene), (scene.parts.content[2] ?? "").slice(0, 25)]);
    await settled(scene);
    scene.exchange.end();
  },
  giant: (scene) => playAndStay(scene, [...scene.parts.preamble, giant(scene)]),
  "half-giant": async (scene) => {
    begin(scene);
    writeAll(scene, firstHalf(scene));
    await settled(scene);
    scene.exchange.write(giant(scene));
    scene.mark();
  },
  /** Nothing but events without JSON. */
  "broken-events": (scene) =>
    play(
      scene,
      Array.from({ length: 5 }, () => brokenEventOf(scene.protocol)),
    ),
} satisfies Record<string, Fault>;

/** An answer that says nothing, and ends well. */
const empty: Fault = (scene) => {
  const { protocol, isStream } = scene;
  const script = scriptOf(protocol, "rotten-model", "rotten");
  if (isStream) play(scene, emptyEvents(protocol, script));
  else sendBody(scene, { body: emptyAnswer(protocol, script) });
};

function gzipped(scene: Scene, change: (bytes: Uint8Array) => Uint8Array, pieces = allOf(scene)): Fault {
  return () => {
    const bytes = change(Bun.gzipSync(Buffer.from(pieces.join(""))));
    begin(scene, { "content-encoding": "gzip" });
    scene.exchange.write(bytes);
    scene.exchange.end();
  };
}

function damaged(bytes: Uint8Array, from: number): Uint8Array {
  const copy = bytes.slice();
  for (let at = from; at < Math.min(from + 24, copy.length); at += 1) copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

export const compressed = {
  "gzip-corrupt": (scene) => gzipped(scene, (bytes) => damaged(bytes, 12))(scene),
  "gzip-truncated": (scene) => gzipped(scene, (bytes) => bytes.slice(0, 15))(scene),
  "gzip-double": (scene) => gzipped(scene, (bytes) => Bun.gzipSync(Buffer.from(bytes)))(scene),
  "gzip-none": (scene) => play(scene, allOf(scene), { "content-encoding": "gzip" }),
  /** Good until content has come, then no longer gzip. */
  "half-gzip-corrupt": async (scene) => {
    const { createGzip, constants } = await import("node:zlib");
    const gzip = createGzip();
    const pieces: Buffer[] = [];
    gzip.on("data", (piece: Buffer) => void pieces.push(piece));
    const { promise, resolve } = Promise.withResolvers<void>();
    gzip.write(firstHalf(scene).join(""));
    gzip.flush(constants.Z_SYNC_FLUSH, resolve);
    await promise;
    begin(scene, { "content-encoding": "gzip" });
    scene.exchange.write(Buffer.concat(pieces));
    await settled(scene);
    scene.exchange.write(Buffer.alloc(64, 0xff));
    scene.mark();
  },
  empty,
} satisfies Record<string, Fault>;
