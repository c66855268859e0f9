import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { createHttp1Client } from "../../../src/transport/http1/client.ts";
import { createRandom } from "../../support/random.ts";
import { answering, failureOf, rawUpstream, requestTo, saying, textOf } from "./raw-upstream.ts";

async function get(bytes: string, close = false) {
  await using upstream = await saying(Buffer.from(bytes, "latin1"), { close });
  const client = createHttp1Client();
  const reply = await client.send(requestTo(upstream.destination));
  const text = await textOf(reply);
  const result = { status: reply.status, headers: reply.headers, text, stats: client.stats() };
  client.close();
  return result;
}

async function refusal(bytes: string, close = false): Promise<Error & { code?: string }> {
  return failureOf(get(bytes, close));
}

describe("an answer", () => {
  test("of a known length is read, and its connection kept", async () => {
    const { status, headers, text, stats } = await get(
      "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello",
    );
    expect([status, headers.get("x-a"), text, stats]).toEqual([201, "b", "hello", { open: 1, idle: 1 }]);
  });

  test("in chunks is read, with extensions and trailers passed over", async () => {
    const body = `5;name="v"\r\nhello\r\nA \r\n0123456789\r\n0\r\nx-trailer: 1\r\nx-other: 2\r\n\r\n`;
    const { text, stats } = await get(`HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n${body}`);
    expect([text, stats]).toEqual(["hello0123456789", { open: 1, idle: 1 }]);
  });

  test("without a length ends with the connection", async () => {
    const { text, stats } = await get("HTTP/1.1 200 OK\r\n\r\nhello", true);
    expect([text, stats]).toEqual(["hello", { open: 0, idle: 0 }]);
  });

  test.each(["204 No Content", "304 Not Modified"])("%s has no body", async (status) => {
    const { text, stats } = await get(`HTTP/1.1 ${status}\r\ncontent-length: 10\r\n\r\n`);
    expect([text, stats]).toEqual(["", { open: 1, idle: 1 }]);
  });

  test("is the one behind the interim answers", async () => {
    const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    const { status, text } = await get(`${interim}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi`);
    expect([status, text]).toEqual([200, "hi"]);
  });

  test("keeps the bytes of its header values", async () => {
    const { headers } = await get(
      "HTTP/1.1 200\r\ncontent-length: 0\r\nx-name: caf\xe9\r\nx-two: a\r\nX-Two: b\r\n\r\n",
    );
    expect([headers.get("x-name"), headers.get("x-two")]).toEqual(["caf\xe9", "a, b"]);
  });

  test.each([
    ["that says close", "HTTP/1.1 200 OK\r\nConnection: x, Close\r\ncontent-length: 2\r\n\r\nhi"],
    ["of HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi"],
    ["with bytes behind its end", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi!"],
    ["with bytes behind its last chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n!"],
    [
      "with both a length and chunks",
      "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ],
  ])("%s is the last on its connection", async (_what, bytes) => {
    const { text, stats } = await get(bytes);
    expect([text, stats]).toEqual(["hi", { open: 0, idle: 0 }]);
  });

  test("of HTTP/1.0 that says keep-alive is not", async () => {
    const { stats } = await get("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nhi");
    expect(stats).toEqual({ open: 1, idle: 1 });
  });

  test.each([
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    ["another version", "HTTP/2.0 200 OK\r\n\r\n"],
    ["a bad status", "HTTP/1.1 20 OK\r\n\r\n"],
    ["a folded header", "HTTP/1.1 200 OK\r\nx-a: 1\r\n  more\r\ncontent-length: 0\r\n\r\n"],
    ["a header without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"],
    ["a space before the colon", "HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n"],
    ["an empty name", "HTTP/1.1 200 OK\r\n: 0\r\n\r\n"],
    ["a NUL", "HTTP/1.1 200 OK\r\nx-a: \0\r\n\r\n"],
    ["a bare newline", "HTTP/1.1 200 OK\r\nx-a: 1\nx-b: 2\r\n\r\n"],
    ["a bare carriage return", "HTTP/1.1 200 OK\r\nx-a: 1\rx-b: 2\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"],
    ["two lengths in a list", "HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\nab"],
    ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"],
    ["a length in words", "HTTP/1.1 200 OK\r\ncontent-length: 0x10\r\n\r\n"],
    ["another coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
    ["a coding over the chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"],
    ["an upgrade", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["interim answers without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(50)],
    ["too many headers", `HTTP/1.1 200 OK\r\n${"x-a: 1\r\n".repeat(201)}\r\n`],
    ["a head that is too long", `HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(70_000)}\r\n\r\n`],
    ["a head without an end", `HTTP/1.1 200 OK\r\n${"x-a: 1\r\n".repeat(20_000)}`],
    ["a chunk without a size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\nhi\r\n"],
    ["a chunk of bad size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2x\r\nhi\r\n"],
    ["a chunk of huge size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhi\r\n"],
    ["a chunk longer than it says", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nhi\r\n"],
    [
      "a chunk with a long extension",
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;${"a".repeat(5000)}\r\nh\r\n`,
    ],
    ["long trailers", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${"x: y\r\n".repeat(5000)}\r\n`],
    ["a bare newline in the trailers", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: y\n\r\n"],
  ])("with %s is refused", async (_what, bytes) => {
    const error = await refusal(bytes);
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: "upstream_invalid_response", status: 502 });
    expect(error.message).toMatch(/^The upstream localhost:\d+ sent .*\.$/);
  });

  test("may have one length twice", async () => {
    const { text } = await get("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2, 2\r\n\r\nhi");
    expect(text).toBe("hi");
  });

  test.each([
    ["before its head", ""],
    ["within its head", "HTTP/1.1 200 OK\r\nconte"],
    ["before its length", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"],
    ["within a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhell"],
    ["before its last chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"],
    ["within its trailers", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n"],
  ])("cut short %s is a broken connection", async (_what, bytes) => {
    expect((await refusal(bytes, true)).code).toBe("ECONNRESET");
  });

  test("that breaks is read up to the break", async () => {
    await using upstream = await saying("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhell", { close: true });
    const reply = await createHttp1Client().send(requestTo(upstream.destination));
    expect(Buffer.from((await reply.read()) ?? []).toString()).toBe("hell");
    expect((await failureOf(reply.read())).code).toBe("ECONNRESET");
    expect((await failureOf(reply.read())).code).toBe("ECONNRESET");
    reply.cancel();
    expect(await reply.read()).toBeUndefined();
  });
});

const whole = [
  "HTTP/1.1 200 OK\r\ncontent-length: 12\r\nx-a: b\r\n\r\nhello world!",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;e=1\r\nhello\r\n7\r\n world!\r\n0\r\nt: 1\r\n\r\n",
];

describe("an answer cut in two", () => {
  test.each(whole)("at any byte is the same: %j", async (text) => {
    const bytes = Buffer.from(text);
    let position = 0;
    await using upstream = await rawUpstream(
      answering((_request, socket) => {
        socket.setNoDelay(true);
        socket.write(bytes.subarray(0, position), () => setImmediate(() => socket.write(bytes.subarray(position))));
      }),
    );
    const client = createHttp1Client();
    for (position = 1; position < bytes.length; position += 1) {
      const reply = await client.send(requestTo(upstream.destination));
      expect([reply.status, await textOf(reply)]).toEqual([200, "hello world!"]);
    }
    expect(upstream.sockets.length).toBe(1);
    client.close();
  });

  test.each(whole)("byte by byte is the same: %j", async (text) => {
    await using upstream = await rawUpstream(
      answering((_request, socket) => {
        socket.setNoDelay(true);
        const rest = text.split("");
        (function next() {
          const character = rest.shift();
          if (character !== undefined) socket.write(character, () => setImmediate(next));
        })();
      }),
    );
    const reply = await createHttp1Client().send(requestTo(upstream.destination));
    expect([reply.status, await textOf(reply)]).toEqual([200, "hello world!"]);
  });
});

describe("a damaged answer", () => {
  test("always comes to an end, good or bad", async () => {
    const random = createRandom(7);
    const pick = (below: number) => Math.floor(random() * below);
    const wounds = [
      "\r\n",
      "\n",
      "\r",
      ":",
      "0",
      "f",
      "\0",
      "\xff",
      " ",
      ";",
      "chunked",
      "content-length: 1\r\n",
      "HTTP/1.1 ",
    ];
    function wounded(): Buffer {
      let text = whole[pick(whole.length)] ?? "";
      for (let count = 1 + pick(3); count > 0; count -= 1) {
        const at = pick(text.length + 1);
        text = text.slice(0, at) + (wounds[pick(wounds.length)] ?? "") + text.slice(at + pick(4));
      }
      return Buffer.from(text, "latin1");
    }
    await using upstream = await rawUpstream(
      answering((_request, socket) => {
        const bytes = wounded();
        const cut = pick(bytes.length);
        socket.write(bytes.subarray(0, cut));
        socket.end(bytes.subarray(cut));
      }),
    );
    const client = createHttp1Client();
    const outcomes = new Map<string, number>();
    async function one(): Promise<void> {
      let outcome = "read";
      try {
        await textOf(await client.send(requestTo(upstream.destination)));
      } catch (error) {
        outcome = error instanceof Error && "code" in error ? String(error.code) : String(error);
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let count = 0; count < 1250; count += 1) await one();
      }),
    );
    expect([...outcomes.keys()].sort()).toEqual(["ECONNRESET", "read", "upstream_invalid_response"]);
    expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBe(20_000);
    expect(client.stats().open).toBe(client.stats().idle);
    client.close();
  }, 60_000);
});
