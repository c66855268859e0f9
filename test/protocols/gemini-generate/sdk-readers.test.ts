import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { eventsOfAnswer } from "../../../src/protocols/canonical/collect.ts";
import { fieldsOf, isFields, jsonOf } from "../../../src/protocols/fields.ts";
import { geminiGenerate } from "../../../src/protocols/gemini-generate/index.ts";
import { codec, response, streamOf, viewWith } from "./samples.ts";

/**
 * How Google's own SDKs read a stream of events, each in its own way and none as the standard says. What the gateway puts
 * between events and at a broken end has to suit them all.
 */

interface Read {
  texts: string[];
  error: string | undefined;
}

function add(read: Read, json: string): void {
  const value = fieldsOf(jsonOf(json));
  const message = fieldsOf(value["error"])["message"];
  if (typeof message === "string") read.error ??= message;
  else if (!isFields(jsonOf(json))) read.error ??= `not JSON: ${json.slice(0, 40)}`;
  else read.texts.push(JSON.stringify(value));
}

/** JavaScript: an error is thrown, as an event or alone in a piece of the network; so is what is left without a blank line. */
function readAsJavaScript(pieces: readonly string[]): Read {
  const read: Read = { texts: [], error: undefined };
  let held = "";
  for (const piece of pieces) {
    const code = fieldsOf(fieldsOf(jsonOf(piece))["error"])["code"];
    if (typeof code === "number" && code >= 400 && code < 600) {
      add(read, piece);
      return read;
    }
    held += piece;
    const events = held.split(/\r\n\r\n|\n\n|\r\r/);
    held = events.pop() ?? "";
    for (const event of events.map((text) => text.trim()))
      if (event.startsWith("data:")) add(read, event.slice(5).trim());
    if (read.error !== undefined) return read;
  }
  if (held.trim() !== "") read.error = "Incomplete JSON segment at the end";
  return read;
}

/** Go: up to the next `\n\n`, or else `\r\n\r\n`; what is not empty begins with `data:` or is an error. */
function readAsGo(pieces: readonly string[]): Read {
  const read: Read = { texts: [], error: undefined };
  let held = "";
  const take = (token: string): void => {
    const text = token.replace(/\r$/, "");
    if (text === "") return;
    if (text.startsWith("data:")) add(read, text.slice(5));
    else if (isFields(fieldsOf(jsonOf(text))["error"])) add(read, text);
    else read.error ??= `invalid stream chunk: ${text.slice(0, 40)}`;
  };
  for (const piece of pieces) {
    held += piece;
    for (;;) {
      const plain = held.indexOf("\n\n");
      const at = plain === -1 ? held.indexOf("\r\n\r\n") : plain;
      if (at === -1) break;
      take(held.slice(0, at));
      held = held.slice(at + (plain === -1 ? 4 : 2));
    }
  }
  take(held);
  return read;
}

/** Python: lines; those without `data: ` are gathered until their braces are even. */
function readAsPython(pieces: readonly string[]): Read {
  const read: Read = { texts: [], error: undefined };
  let gathered = "";
  for (const line of pieces.join("").split(/\r\n|\n|\r/)) {
    if (line === "") continue;
    if (line.startsWith("data: ")) {
      add(read, line.slice(6));
      continue;
    }
    gathered += line;
    if (gathered.split("{").length !== gathered.split("}").length) continue;
    add(read, gathered);
    gathered = "";
  }
  if (gathered !== "") add(read, gathered);
  return read;
}

const readers = { JavaScript: readAsJavaScript, Go: readAsGo, Python: readAsPython };
const broken = new GatewayError({ code: "upstream_overloaded", status: 503, message: "The upstream is overloaded." });
const answer = {
  id: "r1",
  model: "m",
  parts: [{ type: "text" as const, text: "Hi" }],
  finish: { reason: "end" as const, raw: undefined },
  usage: undefined,
  costUsd: undefined,
};

/** Streams of ours and of Google's, in the pieces they are sent in. */
function piecesOfTranslated(): string[] {
  const encoder = codec.stream.createEncoder(viewWith());
  return [...eventsOfAnswer(answer)].map((event) => encoder.push(event)).filter((output) => output !== "");
}
const piecesOfSame = [response([{ text: "Hi" }]), response([{ text: "" }], { finishReason: "STOP" })].map((value) =>
  streamOf(value),
);
const streams = { translated: piecesOfTranslated(), same: piecesOfSame };

describe.each(Object.keys(readers) as (keyof typeof readers)[])("the SDK for %s", (name) => {
  const reader = readers[name];

  test.each(Object.keys(streams) as (keyof typeof streams)[])(
    "reads a stream with heart-beats everywhere (%s lane)",
    (lane) => {
      const pieces = streams[lane];
      const { heartbeat } = geminiGenerate;
      const beaten = pieces.flatMap((piece) => [heartbeat, heartbeat, piece, heartbeat]);
      expect(reader(beaten)).toEqual(reader(pieces));
      expect(reader(pieces)).toMatchObject({ error: undefined, texts: { length: 2 } });
    },
  );

  test.each(Object.keys(streams) as (keyof typeof streams)[])(
    "fails at a stream that broke, and says why (%s lane)",
    (lane) => {
      const pieces = streams[lane];
      const ending = geminiGenerate.codec.stream.createEncoder(viewWith()).fail(broken);
      expect(reader([...pieces.slice(0, 1), geminiGenerate.heartbeat, ending]).error).toBe(
        "The upstream is overloaded.",
      );
      expect(reader([ending]).error).toBe("The upstream is overloaded.");
      // Also where the network joins it with what went before.
      expect(reader([`${pieces[0]}${ending}`]).error).toBeDefined();
    },
  );
});

test("comments are what some of them trip over", () => {
  const [first = ""] = streams.translated;
  expect(readAsGo([": ping\n\n", first]).error).toContain("invalid stream chunk");
  expect(readAsPython([": ping\n\n", first]).error).toContain("not JSON");
  expect(readAsGo(["\n", first]).error).toContain("invalid stream chunk");
});
