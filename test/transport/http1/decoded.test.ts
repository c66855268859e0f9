import { describe, expect, test } from "bun:test";
import { brotliCompressSync, constants, createGzip, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { createHttp1Client } from "../../../src/transport/http1/client.ts";
import { answering, closed, failureOf, rawUpstream, requestTo, saying, textOf } from "./raw-upstream.ts";

const text = "hello world, ".repeat(2000);

function answer(encoding: string, body: Uint8Array): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** An upstream whose answer is a gzip stream, and the voice that speaks through it. */
async function gzipStream() {
  const gzip = createGzip();
  const upstream = await rawUpstream(
    answering((_request, socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n");
      gzip.on("data", (bytes: Buffer) => socket.write(bytes));
    }),
  );
  return {
    upstream,
    say: (event: string): void => {
      gzip.write(event);
      gzip.flush(constants.Z_SYNC_FLUSH);
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

describe("a compressed answer", () => {
  test.each([
    ["gzip", gzipSync(text)],
    ["X-GZIP", gzipSync(text)],
    ["deflate", deflateSync(text)],
    ["deflate", deflateRawSync(text)],
    ["br", brotliCompressSync(text)],
  ])("in %s is decoded", async (encoding, body) => {
    await using upstream = await saying(answer(encoding, body));
    const client = createHttp1Client();
    expect(await textOf(await client.send(requestTo(upstream.destination)))).toBe(text);
    expect(client.stats()).toEqual({ open: 1, idle: 1 });
  });

  test("in an unknown coding stays as it is", async () => {
    await using upstream = await saying(answer("rot13", Buffer.from("uryyb")));
    const reply = await createHttp1Client().send(requestTo(upstream.destination));
    expect([await textOf(reply), reply.headers.get("content-encoding")]).toEqual(["uryyb", "rot13"]);
  });

  test("without a body is empty", async () => {
    await using upstream = await saying(answer("gzip", Buffer.alloc(0)));
    expect(await textOf(await createHttp1Client().send(requestTo(upstream.destination)))).toBe("");
  });

  test.each([
    ["gzip", Buffer.from("this is no gzip at all")],
    ["gzip", gzipSync(text).subarray(0, 60)],
    ["deflate", Buffer.from("\x78\x9cnonsense")],
    ["br", Buffer.from("nonsense nonsense")],
  ])("in damaged %s is told as such", async (encoding, body) => {
    await using upstream = await saying(answer(encoding, body));
    const reply = await createHttp1Client().send(requestTo(upstream.destination));
    expect((await failureOf(textOf(reply))).code).toStartWith("Z_");
  });

  test("that breaks off is a broken connection, not a damaged one", async () => {
    const bytes = answer("gzip", gzipSync(text));
    await using upstream = await saying(bytes.subarray(0, -5), { close: true });
    const reply = await createHttp1Client().send(requestTo(upstream.destination));
    expect((await failureOf(textOf(reply))).code).toBe("ECONNRESET");
  });

  test("gives out each flushed event at once", async () => {
    await using fed = await gzipStream();
    const { upstream, say } = fed;
    const reply = await createHttp1Client().send(requestTo(upstream.destination));
    for (const event of ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]) {
      const pending = reply.read();
      say(event);
      expect(Buffer.from((await pending) ?? []).toString()).toBe(event);
    }
    reply.cancel();
    expect(await reply.read()).toBeUndefined();
    await Promise.all(upstream.sockets.map(closed));
  });

  test.each(["cancel", "stop"] as const)("ends at once with a %s", async (how) => {
    await using fed = await gzipStream();
    const { upstream, say } = fed;
    const reason = new Error("stopped");
    const request = requestTo(upstream.destination);
    const reply = await createHttp1Client().send(request);
    say("data: 1\n\n");
    await reply.read();
    const pending = reply.read().catch((error: unknown) => error);
    if (how === "cancel") reply.cancel();
    else request.stop.stop(reason);
    expect(await pending).toBe(how === "cancel" ? undefined : reason);
    await Promise.all(upstream.sockets.map(closed));
  });

  test("of enormous size is read at the reader's pace", async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
    await using upstream = await saying(answer("gzip", bomb));
    const reply = await createHttp1Client().send(requestTo(upstream.destination));
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 20; count += 1) expect((await reply.read())?.length ?? 0).toBeLessThan(1024 * 1024);
    await Bun.sleep(30);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    reply.cancel();
  });
});
