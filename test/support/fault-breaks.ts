import { begin, firstHalf, keepAlive, settled, writeAll, type Fault } from "./fault-scene.ts";

/** Silences and broken connections. */

/** How a fault leaves the connection, once it has said what it says. */
type Leave = "rst" | "fin" | "stay";

function leave(how: Leave): Fault {
  return async (scene) => {
    if (how === "stay") return scene.mark();
    await settled(scene);
    scene.mark();
    scene.exchange.cut(how);
  };
}

function saying(what: "nothing" | "head" | "preamble" | "half", then: Fault): Fault {
  return (scene) => {
    if (what !== "nothing") begin(scene);
    if (what === "preamble") writeAll(scene, scene.parts.preamble);
    if (what === "half") writeAll(scene, firstHalf(scene));
    return then(scene);
  };
}

const dribbling: Fault = (scene) => {
  scene.mark();
  return keepAlive(scene);
};

export const silences = {
  silent: leave("stay"),
  "head-silent": saying("head", leave("stay")),
  "preamble-silent": saying("preamble", leave("stay")),
  "half-silent": saying("half", leave("stay")),
  "head-dribble": saying("head", dribbling),
  "half-dribble": saying("half", dribbling),
} satisfies Record<string, Fault>;

export const breaks = {
  rst: leave("rst"),
  fin: leave("fin"),
  "head-rst": saying("head", leave("rst")),
  "head-fin": saying("head", leave("fin")),
  "preamble-rst": saying("preamble", leave("rst")),
  "preamble-fin": saying("preamble", leave("fin")),
  "half-rst": saying("half", leave("rst")),
  "half-fin": saying("half", leave("fin")),
  /** A length that is never reached. */
  "short-length": async (scene) => {
    begin(scene, { "content-length": "100000" }, "length");
    writeAll(scene, firstHalf(scene));
    await settled(scene);
    scene.mark();
    scene.exchange.cut("fin");
  },
  "short-length-early": async (scene) => {
    begin(scene, { "content-length": "100000" }, "length");
    await settled(scene);
    scene.mark();
    scene.exchange.cut("fin");
  },
  /** The end of the connection is the end of the body: what is missing can only be seen in it. */
  "close-cut": async (scene) => {
    begin(scene, {}, "close");
    writeAll(scene, firstHalf(scene));
    await settled(scene);
    scene.mark();
    scene.exchange.cut("fin");
  },
  "close-early": async (scene) => {
    begin(scene, {}, "close");
    if (scene.isStream) writeAll(scene, scene.parts.preamble);
    await settled(scene);
    scene.mark();
    scene.exchange.cut("fin");
  },
} satisfies Record<string, Fault>;

function chunked(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** Bytes that are no HTTP/1.1. Each is followed by silence: who understands it closes the connection. */
function raw(bytes: (head: string) => string): Fault {
  return (scene) => {
    const type = scene.isStream ? scene.parts.contentType : scene.whole.contentType;
    scene.exchange.writeRaw(bytes(`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n`));
    scene.mark();
  };
}

const flood = Array.from({ length: 20_000 }, (_, index) => `x-rotten-${index}: 1\r\n`).join("");

export const malformed = {
  "no-http": raw(() => "220 rotten.example ESMTP\r\n\r\n"),
  "header-flood": raw((head) => `${head}${flood}content-length: 2\r\n\r\n{}`),
  "long-header": raw((head) => `${head}x-rotten: ${"r".repeat(80 * 1024)}\r\ncontent-length: 2\r\n\r\n{}`),
  "two-lengths": raw((head) => `${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`),
  "bad-header": raw((head) => `${head}x rotten: 1\r\ncontent-length: 2\r\n\r\n{}`),
  "bad-chunk": raw((head) => `${head}transfer-encoding: chunked\r\n\r\nzz\r\nrotten\r\n`),
  "bad-coding": raw((head) => `${head}transfer-encoding: gzip, chunked\r\n\r\n${chunked("{}")}0\r\n\r\n`),
  "interim-flood": raw((head) => "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(40) + `${head}content-length: 2\r\n\r\n{}`),
  upgrade: raw(() => "HTTP/1.1 101 Switching Protocols\r\nupgrade: rotten\r\n\r\n"),
  "half-bad-chunk": async (scene) => {
    begin(scene);
    writeAll(scene, firstHalf(scene));
    await settled(scene);
    scene.exchange.writeRaw("zz\r\nrotten\r\n");
    scene.mark();
  },
} satisfies Record<string, Fault>;
