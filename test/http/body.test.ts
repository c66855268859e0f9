import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import { GatewayError } from "../../src/errors.ts";
import { readBody, type BodyLimits } from "../../src/http/body.ts";
import { until } from "../support/e2e.ts";
import { connectRaw } from "../support/raw-client.ts";
import { forSeeds } from "../lib/seeded.ts";

const usual: BodyLimits = { maxBytes: 100_000, timeoutMs: 5000 };
let limits = usual;
let outcomes: string[] = [];
beforeEach(() => {
  limits = usual;
  outcomes = [];
});

/** Answers with the body that was read, or with the error's status and words. */
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  development: false,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  async fetch(request) {
    try {
      const bytes = await readBody(request, limits);
      outcomes.push("read");
      return new Response(bytes);
    } catch (error) {
      if (!(error instanceof GatewayError)) {
        outcomes.push(`bug: ${String(error)}`);
        return new Response("bug", { status: 500 });
      }
      outcomes.push(error.code);
      return new Response(error.message, { status: error.status === 499 ? 400 : error.status });
    }
  },
});
afterAll(() => server.stop(true));

interface Reply {
  status: number;
  bytes: Buffer;
}

async function post(body: Uint8Array | string | ReadableStream, headers: Record<string, string> = {}): Promise<Reply> {
  const response = await fetch(server.url, { method: "POST", body: body as BodyInit, headers });
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
}

/** The same bytes without a length beforehand. */
function streamed(bytes: Uint8Array, size = 10_000): ReadableStream {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
      if (at >= bytes.length) controller.close();
    },
  });
}

const compress = {
  gzip: (bytes: Uint8Array) => gzipSync(bytes),
  "x-gzip": (bytes: Uint8Array) => gzipSync(bytes),
  deflate: (bytes: Uint8Array) => deflateSync(bytes),
  br: (bytes: Uint8Array) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
} as const;
const encodings = Object.entries(compress);
const text = Buffer.from(JSON.stringify({ messages: [{ role: "user", content: "Grüße 😀 ".repeat(500) }] }));

describe("a plain body", () => {
  test("is read as it is, with a length and without", async () => {
    for (const body of [text, Buffer.alloc(0), Buffer.from([0, 255, 128])]) {
      expect(await post(body)).toEqual({ status: 200, bytes: body });
      if (body.length > 0) expect(await post(streamed(body))).toEqual({ status: 200, bytes: body });
    }
  });

  test("may say that it is not compressed", async () => {
    expect((await post(text, { "content-encoding": "identity" })).bytes).toEqual(text);
    expect((await post(text, { "content-encoding": " Identity " })).bytes).toEqual(text);
  });

  test("of exactly the limit is read, one byte more is a 413 that names the setting", async () => {
    for (const wrap of [(bytes: Uint8Array) => bytes, streamed]) {
      expect((await post(wrap(new Uint8Array(usual.maxBytes)))).status).toBe(200);
      const { status, bytes } = await post(wrap(new Uint8Array(usual.maxBytes + 1)));
      expect([status, bytes.includes("server.maxBodyBytes")]).toEqual([413, true]);
    }
  });

  test("that says it is too long is refused before it comes", async () => {
    const connection = await connectRaw(Number(server.port));
    connection.send(`POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${usual.maxBytes + 1}\r\n\r\n`);
    await connection.waitFor(/^HTTP\/1\.1 413/);
    connection.leave();
  });
});

describe("a compressed body", () => {
  for (const [encoding, pack] of encodings) {
    test(`in ${encoding} is unpacked`, async () => {
      expect(await post(pack(text), { "content-encoding": encoding })).toEqual({ status: 200, bytes: text });
      expect(await post(streamed(pack(text)), { "content-encoding": encoding.toUpperCase() })).toEqual({
        status: 200,
        bytes: text,
      });
    });

    test(`in ${encoding} may unpack to the limit and no further`, async () => {
      expect((await post(pack(new Uint8Array(usual.maxBytes)), { "content-encoding": encoding })).status).toBe(200);
      expect((await post(pack(new Uint8Array(usual.maxBytes + 1)), { "content-encoding": encoding })).status).toBe(413);
    });

    test(`in ${encoding} that is a bomb costs neither memory nor time`, async () => {
      const bomb = pack(new Uint8Array(128 << 20));
      limits = { ...usual, maxBytes: 1 << 20 };
      Bun.gc(true);
      const before = process.memoryUsage.rss();
      const from = performance.now();
      expect((await post(bomb, { "content-encoding": encoding })).status).toBe(413);
      expect(performance.now() - from).toBeLessThan(500);
      expect(process.memoryUsage.rss() - before).toBeLessThan(64 << 20);
    });

    test(`in ${encoding} that is damaged is a 400`, async () => {
      const packed = pack(text);
      const damaged = [
        packed.subarray(0, packed.length / 2),
        packed.subarray(0, packed.length - 1),
        Buffer.from("{}"),
        Buffer.alloc(0),
        Buffer.concat([Buffer.from("x"), packed]),
      ];
      for (const body of damaged) {
        const { status, bytes } = await post(body, { "content-encoding": encoding });
        expect({ size: body.length, status }).toEqual({ size: body.length, status: 400 });
        expect(bytes.toString()).toContain("damaged");
      }
    });
  }

  test("with any byte changed is read or refused, never a bug", async () => {
    const bodies: [string, Uint8Array][] = [];
    forSeeds(100, (random) => {
      const [encoding, pack] = random.pick(encodings);
      const packed = Uint8Array.from(pack(text));
      packed[random.below(packed.length)] = random.below(256);
      bodies.push([encoding, packed]);
    });
    for (const [encoding, body] of bodies)
      expect([200, 400, 413]).toContain((await post(body, { "content-encoding": encoding })).status);
    expect(outcomes.filter((outcome) => outcome.startsWith("bug"))).toEqual([]);
  });

  test("in an unknown way, or in several, is a 415 that says what is taken", async () => {
    for (const encoding of [
      "compress",
      "gzip, br",
      "gzip,gzip",
      "constructor",
      "__proto__",
      "toString",
      "x".repeat(1000),
    ]) {
      const { status, bytes } = await post(gzipSync(text), { "content-encoding": encoding });
      expect({ encoding, status }).toEqual({ encoding, status: 415 });
      expect(bytes.toString()).toContain("gzip, deflate, br or none");
      expect(bytes.length).toBeLessThan(300);
    }
  });

  test("too long as it is, is not even unpacked", async () => {
    const { status } = await post(gzipSync(crypto.getRandomValues(new Uint8Array(60_000)), { level: 0 }), {
      "content-encoding": "gzip",
    });
    expect(status).toBe(200);
    limits = { ...usual, maxBytes: 1000 };
    expect((await post(crypto.getRandomValues(new Uint8Array(2000)), { "content-encoding": "gzip" })).status).toBe(413);
  });
});

describe("a body that does not come", () => {
  const heads = {
    "with a length": "content-length: 1000\r\n\r\n{",
    chunked: "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
  } as const;

  for (const [name, rest] of Object.entries(heads)) {
    test(`is a 408 after its time, ${name}`, async () => {
      limits = { ...usual, timeoutMs: 40 };
      const connection = await connectRaw(Number(server.port));
      const from = performance.now();
      connection.send(`POST / HTTP/1.1\r\nhost: localhost\r\n${rest}`);
      await connection.waitFor(/^HTTP\/1\.1 408[^]*bodyTimeout/);
      expect(performance.now() - from).toBeGreaterThanOrEqual(35);
      connection.leave();
    });

    test(`because its client left is the client's end, ${name}`, async () => {
      const connection = await connectRaw(Number(server.port));
      connection.send(`POST / HTTP/1.1\r\nhost: localhost\r\n${rest}`);
      await Bun.sleep(20);
      connection.leave("rst");
      await until(() => outcomes.length > 0, "the end of the reading");
      expect(outcomes).toEqual(["client_cancelled"]);
    });
  }

  test("in small pieces, but in time, is read", async () => {
    const connection = await connectRaw(Number(server.port));
    connection.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\n");
    for (const letter of "hello") {
      connection.send(letter);
      await Bun.sleep(2);
    }
    await connection.waitFor(/hello$/);
    connection.leave();
  });
});

test("no body at all is an empty one", async () => {
  expect(await readBody(new Request("http://localhost/", { method: "POST" }), usual)).toHaveLength(0);
});
