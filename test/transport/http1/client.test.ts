import { describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { GatewayError } from "../../../src/errors.ts";
import { createStopSignal } from "../../../src/lib/stop-signal.ts";
import { destinationOf } from "../../../src/transport/destination.ts";
import { createHttp1Client } from "../../../src/transport/http1/client.ts";
import { answering, closed, failureOf, rawUpstream, requestTo, saying, textOf } from "./raw-upstream.ts";

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

describe("a request", () => {
  test("is written as it should be, byte for byte", async () => {
    let seen = "";
    await using upstream = await rawUpstream(
      answering((request, socket) => {
        seen = request;
        socket.write(ok);
      }),
    );
    const headers = { "x-a": "caf\xe9", authorization: "Bearer k" };
    const body = new Uint8Array(Buffer.from("{\xff}", "latin1"));
    const client = createHttp1Client();
    await textOf(await client.send(requestTo(upstream.destination, { headers, body })));
    const line = `POST /v1/chat?x=1 HTTP/1.1\r\nhost: localhost:${upstream.port}\r\n`;
    expect(seen).toBe(`${line}x-a: caf\xe9\r\nauthorization: Bearer k\r\ncontent-length: 3\r\n\r\n{\xff}`);
  });

  test.each([
    ["POST", "content-length: 0\r\n\r\n"],
    ["GET", "\r\n\r\n"],
  ] as const)("without a body: %s", async (method, end) => {
    let seen = "";
    await using upstream = await rawUpstream(
      answering((request, socket) => {
        seen = request;
        socket.write(ok);
      }),
    );
    const { body: _body, ...request } = requestTo(upstream.destination, { method, headers: {} });
    await textOf(await createHttp1Client().send(request));
    expect(seen).toStartWith(`${method} /v1/chat?x=1 HTTP/1.1\r\nhost: `);
    expect(seen).toEndWith(end);
    expect(seen.includes("content-length")).toBe(method === "POST");
  });

  test.each([
    { "x-a": "1\r\nx-b: 2" },
    { "x-a": "\0" },
    { "x-a": "\u{1F600}" },
    { "x a": "1" },
    { "x-a\r\nb": "1" },
    { "": "1" },
    { "x-é": "1" },
    { host: "other" },
    { "Content-Length": "0" },
    { "transfer-encoding": "chunked" },
    { connection: "close" },
  ])("with the bad headers %j is not sent", async (headers) => {
    await using upstream = await saying(ok);
    const client = createHttp1Client();
    const error = await failureOf(client.send(requestTo(upstream.destination, { headers })));
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: "invalid_request", status: 400 });
    expect([upstream.sockets.length, client.stats().open]).toEqual([0, 0]);
  });

  test("to a port where nobody listens is refused", async () => {
    const upstream = await saying(ok);
    await upstream[Symbol.asyncDispose]();
    const client = createHttp1Client();
    expect((await failureOf(client.send(requestTo(upstream.destination)))).code).toBe("ECONNREFUSED");
    expect(client.stats().open).toBe(0);
  });

  test("to a name without an address fails", async () => {
    const destination = destinationOf(new URL("http://nobody.invalid/"));
    const { code } = await failureOf(createHttp1Client().send(requestTo(destination)));
    expect(["ENOTFOUND", "EAI_AGAIN"]).toContain(code ?? "");
  });

  test("with a large body goes out at the pace of its reader", async () => {
    const body = new Uint8Array(24 * 1024 * 1024).fill(97);
    body[body.length - 1] = 98;
    let size = 0;
    let last = "";
    await using upstream = await rawUpstream((socket) => {
      setTimeout(() => {
        socket.on("data", (bytes: Buffer) => {
          size += bytes.length;
          last = String.fromCharCode(bytes.at(-1) ?? 0);
          if (last === "b") socket.write(ok);
        });
      }, 20);
    });
    const client = createHttp1Client();
    const reply = await client.send(requestTo(upstream.destination, { body }));
    expect(await textOf(reply)).toBe("ok");
    expect(size).toBeGreaterThan(body.length);
    expect(client.stats()).toEqual({ open: 1, idle: 1 });
  });

  test("that is answered while it is written gets its answer, and the connection is not used again", async () => {
    await using upstream = await rawUpstream((socket) => {
      socket.once("data", () => {
        socket.pause();
        socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno");
      });
    });
    const client = createHttp1Client();
    const body = new Uint8Array(24 * 1024 * 1024);
    const reply = await client.send(requestTo(upstream.destination, { body }));
    expect([reply.status, await textOf(reply), client.stats()]).toEqual([413, "no", { open: 0, idle: 0 }]);
  });
});

describe("a connection", () => {
  test("is used again, the last one first", async () => {
    await using upstream = await saying(ok);
    const client = createHttp1Client();
    for (let count = 0; count < 50; count += 1) await textOf(await client.send(requestTo(upstream.destination)));
    expect([upstream.sockets.length, client.stats()]).toEqual([1, { open: 1, idle: 1 }]);
    const many = Array.from({ length: 20 }, () => client.send(requestTo(upstream.destination)));
    expect(client.stats().idle).toBe(0);
    for (const reply of await Promise.all(many)) await textOf(reply);
    expect([upstream.sockets.length, client.stats()]).toEqual([20, { open: 20, idle: 20 }]);
    client.close();
    expect(client.stats()).toEqual({ open: 0, idle: 0 });
    await Promise.all(upstream.sockets.map(closed));
  });

  test("is not kept above the limit, nor after the client was closed", async () => {
    await using upstream = await saying(ok);
    const client = createHttp1Client({ mostIdle: 2 });
    const send = async () => textOf(await client.send(requestTo(upstream.destination)));
    await Promise.all([send(), send(), send(), send()]);
    expect(client.stats()).toEqual({ open: 2, idle: 2 });
    client.close();
    expect(await send()).toBe("ok");
    expect(client.stats()).toEqual({ open: 0, idle: 0 });
  });

  test("is closed when it was idle for long", async () => {
    await using upstream = await saying(ok);
    const client = createHttp1Client({ idleMs: 30 });
    await textOf(await client.send(requestTo(upstream.destination)));
    expect(client.stats()).toEqual({ open: 1, idle: 1 });
    await Promise.all(upstream.sockets.map(closed));
    expect(client.stats()).toEqual({ open: 0, idle: 0 });
  });

  test("that the other side ends, or speaks on, while it is idle is forgotten", async () => {
    await using upstream = await saying(ok);
    const client = createHttp1Client();
    for (const disturb of [
      (socket: Socket) => socket.end(),
      (socket: Socket) => socket.write("HTTP/1.1 408 x\r\n\r\n"),
    ]) {
      await textOf(await client.send(requestTo(upstream.destination)));
      const socket = upstream.sockets.at(-1);
      if (socket === undefined) throw new Error("no socket");
      disturb(socket);
      await closed(socket);
      expect(client.stats()).toEqual({ open: 0, idle: 0 });
    }
    expect(upstream.sockets.length).toBe(2);
  });

  test.each(["end", "reset"] as const)("that turns out dead (%s) is replaced, once", async (how) => {
    const requests: string[] = [];
    await using upstream = await rawUpstream(
      answering((request, socket) => {
        requests.push(request);
        // Each connection answers one request, and dies of the second.
        const isSecond = requests.length === 2;
        if (!isSecond) socket.write(ok);
        else if (how === "end") socket.end();
        else socket.resetAndDestroy();
      }),
    );
    const client = createHttp1Client();
    for (let count = 0; count < 2; count += 1) {
      expect(await textOf(await client.send(requestTo(upstream.destination)))).toBe("ok");
    }
    expect([requests.length, upstream.sockets.length]).toEqual([3, 2]);
    expect(requests[2]).toBe(requests[1] ?? "");
  });

  test("that is new and dies is not replaced, nor one that had begun to answer", async () => {
    let count = 0;
    await using upstream = await rawUpstream(
      answering((_request, socket) => {
        count += 1;
        if (count === 1) socket.end();
        else if (count === 2) socket.write(ok);
        else socket.end("HTTP/1.1");
      }),
    );
    const client = createHttp1Client();
    const send = () => client.send(requestTo(upstream.destination));
    expect((await failureOf(send())).code).toBe("ECONNRESET");
    expect(await textOf(await send())).toBe("ok");
    expect((await failureOf(send())).code).toBe("ECONNRESET");
    expect([count, client.stats().open]).toEqual([3, 0]);
  });

  test("is replaced only once even when the next one dies, too", async () => {
    let count = 0;
    await using upstream = await rawUpstream(
      answering((_request, socket) => {
        count += 1;
        if (count === 1) socket.write(ok);
        else socket.end();
      }),
    );
    const client = createHttp1Client();
    await textOf(await client.send(requestTo(upstream.destination)));
    expect((await failureOf(client.send(requestTo(upstream.destination)))).code).toBe("ECONNRESET");
    expect(count).toBe(3);
  });

  test("with a body that nobody wants is closed at once; with one that has come it is kept", async () => {
    await using upstream = await rawUpstream(
      answering((_request, socket, count) => socket.write(count === 1 ? ok : ok.replace(": 2", ": 3"))),
    );
    const client = createHttp1Client();
    const first = await client.send(requestTo(upstream.destination));
    first.cancel();
    expect(client.stats()).toEqual({ open: 1, idle: 1 });
    const second = await client.send(requestTo(upstream.destination));
    await second.read();
    const pending = second.read();
    second.cancel();
    second.cancel();
    expect(await pending).toBeUndefined();
    expect(client.stats()).toEqual({ open: 0, idle: 0 });
    await Promise.all(upstream.sockets.map(closed));
  });

  test("that is left because of the last piece of its answer is not used again", async () => {
    const head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    await using upstream = await rawUpstream(
      answering((_request, socket, count) => socket.write(count === 1 ? head : `${head}ok`)),
    );
    const client = createHttp1Client();
    const reply = await client.send(requestTo(upstream.destination));
    const told = Promise.withResolvers<void>();
    reply.readInto?.({
      resolve() {
        reply.cancel();
        told.resolve();
      },
      reject: told.reject,
    });
    upstream.sockets[0]?.write("ok");
    await told.promise;
    expect(client.stats()).toEqual({ open: 0, idle: 0 });
    expect(await textOf(await client.send(requestTo(upstream.destination)))).toBe("ok");
  });

  test("whose answer was cancelled does not disturb the next exchange on it", async () => {
    await using upstream = await saying(ok);
    const client = createHttp1Client();
    const first = requestTo(upstream.destination);
    const reply = await client.send(first);
    const second = client.send(requestTo(upstream.destination));
    reply.cancel();
    first.stop.stop(new Error("late"));
    expect(await textOf(await second)).toBe("ok");
    expect(upstream.sockets.length).toBe(1);
  });
});

describe("a body", () => {
  test("that nobody reads does not fill the memory, and comes complete when it is read", async () => {
    const size = 100 * 1024 * 1024;
    const part = Buffer.alloc(1024 * 1024, "x");
    let sent = 0;
    await using upstream = await rawUpstream(
      answering((_request, socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
        (function next() {
          while (sent < size) {
            sent += part.length;
            if (!socket.write(part)) {
              socket.once("drain", next);
              return;
            }
          }
        })();
      }),
    );
    const client = createHttp1Client();
    const reply = await client.send(requestTo(upstream.destination));
    // What the kernel holds on both sides is not ours; it stops growing soon.
    for (let before = -1; before !== sent;) {
      before = sent;
      await Bun.sleep(40);
    }
    expect(sent).toBeLessThan(30 * 1024 * 1024);
    const start = performance.now();
    let got = 0;
    for (let piece = await reply.read(); piece !== undefined; piece = await reply.read()) got += piece.length;
    expect(got).toBe(size);
    expect(performance.now() - start).toBeLessThan(3000);
    expect(client.stats()).toEqual({ open: 1, idle: 1 });
  });

  test("gives each frame out as it comes", async () => {
    let feed: Socket | undefined;
    await using upstream = await rawUpstream(
      answering((_request, socket) => {
        feed = socket;
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      }),
    );
    const client = createHttp1Client();
    const reply = await client.send(requestTo(upstream.destination));
    for (const frame of ["data: 1\n\n", "data: 22\n\n"]) {
      const pending = reply.read();
      feed?.write(`${frame.length.toString(16)}\r\n${frame}\r\n`);
      expect(Buffer.from((await pending) ?? []).toString()).toBe(frame);
    }
    const pending = reply.read();
    feed?.write("1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n0\r\n\r\n");
    expect(Buffer.from((await pending) ?? []).toString()).toBe("abcd");
    expect([await reply.read(), client.stats().idle]).toEqual([undefined, 1]);
  });
});

describe("a stop", () => {
  const reason = new Error("stopped");

  test("before the request sends nothing", async () => {
    await using upstream = await saying(ok);
    const stop = createStopSignal();
    stop.stop(reason);
    const client = createHttp1Client();
    expect(await failureOf(client.send(requestTo(upstream.destination, { stop })))).toBe(reason);
    expect([upstream.sockets.length, client.stats().open]).toEqual([0, 0]);
  });

  test("while it connects", async () => {
    await using upstream = await saying(ok);
    const client = createHttp1Client();
    const request = requestTo(upstream.destination);
    const pending = client.send(request);
    request.stop.stop(reason);
    expect(await failureOf(pending)).toBe(reason);
    expect(client.stats().open).toBe(0);
    // The next one works, and is the only one that counts.
    expect(await textOf(await client.send(requestTo(upstream.destination)))).toBe("ok");
    expect(client.stats()).toEqual({ open: 1, idle: 1 });
  });

  test("while it writes and while it waits for the head closes the connection", async () => {
    const arrived = Promise.withResolvers<Socket>();
    await using upstream = await rawUpstream((socket) => socket.once("data", () => arrived.resolve(socket)));
    const client = createHttp1Client();
    const request = requestTo(upstream.destination, { body: new Uint8Array(8 * 1024 * 1024) });
    const pending = client.send(request);
    const socket = await arrived.promise;
    const gone = closed(socket);
    request.stop.stop(reason);
    expect(await failureOf(pending)).toBe(reason);
    socket.resume();
    await gone;
    expect(client.stats().open).toBe(0);
  });

  test("within the body closes the connection; what was not read is lost", async () => {
    await using upstream = await saying("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
    const client = createHttp1Client();
    const request = requestTo(upstream.destination);
    const reply = await client.send(request);
    await reply.read();
    const pending = reply.read();
    const start = performance.now();
    request.stop.stop(reason);
    expect(await failureOf(pending)).toBe(reason);
    expect(await failureOf(reply.read())).toBe(reason);
    await Promise.all(upstream.sockets.map(closed));
    expect(performance.now() - start).toBeLessThan(100);
    expect(client.stats().open).toBe(0);
  });

  test("behind the end of the answer leaves the connection alone", async () => {
    await using upstream = await saying(ok);
    const client = createHttp1Client();
    const request = requestTo(upstream.destination);
    const reply = await client.send(request);
    expect(await textOf(reply)).toBe("ok");
    request.stop.stop(reason);
    expect(client.stats()).toEqual({ open: 1, idle: 1 });
  });
});
