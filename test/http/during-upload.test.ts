import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { answerDuringUpload, type DiscardLimits } from "../../src/http/during-upload.ts";
import { connectRaw } from "../support/raw-client.ts";

const text = '{"error":"too large"}';
const usual: DiscardLimits = { bytes: 1 << 20, totalMs: 5000, quietMs: 5000 };
let limits = usual;
beforeEach(() => (limits = usual));

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  development: false,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  async fetch(request) {
    if (request.url.endsWith("/read")) await request.bytes();
    return answerDuringUpload(request, new Response(text, { status: 413, headers: { "x-own": "kept" } }), limits);
  },
});
afterAll(() => server.stop(true));

const head = (path: string, length: string) => `POST ${path} HTTP/1.1\r\nhost: localhost\r\n${length}\r\n\r\n`;
const answer = new RegExp(`^HTTP/1\\.1 413[^]*${text}`);

describe("a client that is still sending", () => {
  test("has the answer at once, its headers too", async () => {
    const client = await connectRaw(Number(server.port));
    client.send(head("/", "content-length: 100000"));
    await client.waitFor(answer);
    expect(client.received()).toContain("x-own: kept");
    expect(client.received()).toMatch(/connection: close/i);
    client.leave();
  });

  for (const [name, length, body] of [
    ["with a length", "content-length: 100000", "x".repeat(100_000)],
    ["in chunks", "transfer-encoding: chunked", `${`2710\r\n${"x".repeat(10_000)}\r\n`.repeat(10)}0\r\n\r\n`],
  ] as const)
    test(`may send to the end, ${name}, and is hung up on only then`, async () => {
      const client = await connectRaw(Number(server.port));
      client.send(head("/", length));
      await client.waitFor(answer);
      let isClosed = false;
      const closed = client.closed.then(() => (isClosed = true));
      client.send(body.slice(0, 50_000));
      await Bun.sleep(20);
      expect(isClosed).toBe(false);
      client.send(body.slice(50_000));
      await closed;
    });

  test("or has stopped, sees the end of the answer soon, without a reset", async () => {
    limits = { ...usual, quietMs: 40 };
    const client = await connectRaw(Number(server.port));
    client.send(`${head("/", "content-length: 100000")}{`);
    const from = performance.now();
    await client.closed;
    expect(performance.now() - from).toBeWithin(30, 1000);
    expect(client.received()).toMatch(/\r\n0\r\n\r\n$/);
  });

  test("and does not end is hung up on after the time", async () => {
    limits = { ...usual, totalMs: 100, quietMs: 1000 };
    const client = await connectRaw(Number(server.port));
    client.send(head("/", "transfer-encoding: chunked"));
    const pieces = setInterval(() => client.send("1\r\nx\r\n"), 10);
    const from = performance.now();
    await client.closed;
    clearInterval(pieces);
    expect(performance.now() - from).toBeWithin(90, 900);
    expect(client.received()).toMatch(answer);
  });

  test("and does not end is hung up on after so many bytes", async () => {
    limits = { ...usual, bytes: 100_000 };
    const client = await connectRaw(Number(server.port));
    client.send(head("/", "content-length: 99999999999"));
    await client.waitFor(answer);
    client.send("x".repeat(200_000));
    await client.closed;
  });

  test("may leave", async () => {
    const client = await connectRaw(Number(server.port));
    client.send(head("/", "content-length: 100000"));
    await client.waitFor(answer);
    client.leave("rst");
    await Bun.sleep(20);
    expect((await fetch(server.url, { method: "POST", body: "x" })).status).toBe(413);
  });
});

test("a body that was read keeps its connection", async () => {
  const client = await connectRaw(Number(server.port));
  for (let round = 1; round <= 2; round += 1) {
    client.send(`${head("/read", "content-length: 2")}{}`);
    await client.waitFor(new RegExp(`(?:HTTP/1\\.1 413[^]*${text}){${round}}$`));
  }
  client.leave();
});
