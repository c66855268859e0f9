import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { destinationOf } from "../../../src/transport/destination.ts";
import { networkFailure } from "../../../src/transport/failure.ts";
import { createHttp1Client } from "../../../src/transport/http1/client.ts";
import { certificate, privateKey } from "../../support/certificate.ts";
import {
  answering,
  closed,
  failureOf,
  otherCertificate,
  otherKey,
  rawUpstream,
  requestTo,
  textOf,
} from "./raw-upstream.ts";

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const good = { key: privateKey, cert: certificate };
const other = { key: otherKey, cert: otherCertificate };
const to = (host: string, port: number) => destinationOf(new URL(`https://${host}:${port}/v1`));

async function upstreamFor(tls: { key: string; cert: string }) {
  const seen: { text: string; names: (string | undefined)[]; protocols: (string | false | null)[] } = {
    text: "",
    names: [],
    protocols: [],
  };
  const answer = answering((request, socket) => {
    seen.text += request;
    socket.write(ok);
  });
  const options = {
    ...tls,
    ALPNProtocols: ["h2", "http/1.1"],
    SNICallback(name: string, callback: (error: null) => void) {
      seen.names.push(name);
      callback(null);
    },
  };
  const upstream = await rawUpstream((socket) => {
    if ("alpnProtocol" in socket) seen.protocols.push(socket.alpnProtocol as string);
    answer(socket);
  }, options);
  return { upstream, seen, [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose]() };
}

describe("TLS", () => {
  test.each([
    ["localhost", ["localhost"]],
    ["127.0.0.1", []],
  ])("to %s with its certificate is used, and used again", async (host, names) => {
    await using served = await upstreamFor(good);
    const { upstream, seen } = served;
    const client = createHttp1Client();
    for (let count = 0; count < 3; count += 1) {
      const request = requestTo(to(host, upstream.port), { ca: certificate });
      expect(await textOf(await client.send(request))).toBe("ok");
    }
    const parallel = await Promise.all(
      [1, 2].map(() => client.send(requestTo(to(host, upstream.port), { ca: certificate }))),
    );
    for (const reply of parallel) expect(await textOf(reply)).toBe("ok");
    expect(seen.names).toEqual([...names, ...names]);
    expect(seen.protocols).toEqual(["http/1.1", "http/1.1"]);
    expect(client.stats()).toEqual({ open: 2, idle: 2 });
    client.close();
    await Promise.all(upstream.sockets.map(closed));
  });

  test("keeps its connections apart by the authorities they were checked with", async () => {
    await using served = await upstreamFor(good);
    const { upstream } = served;
    const client = createHttp1Client();
    const destination = to("localhost", upstream.port);
    await textOf(await client.send(requestTo(destination, { ca: certificate })));
    const { code } = await failureOf(client.send(requestTo(destination)));
    expect(code).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
    await failureOf(client.send(requestTo(destination, { ca: otherCertificate })));
    expect(client.stats()).toEqual({ open: 1, idle: 1 });
  });

  test.each([
    ["an unknown certificate", good, "localhost", undefined, "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["a certificate for another name", other, "localhost", otherCertificate, "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["a certificate without the address", other, "127.0.0.1", otherCertificate, "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["authorities that are none", good, "localhost", "nonsense", "ERR_BORINGSSL"],
  ])("with %s sends nothing", async (_what, tls, host, ca, code) => {
    await using served = await upstreamFor(tls);
    const { upstream, seen } = served;
    const client = createHttp1Client();
    const error = await failureOf(client.send(requestTo(to(host, upstream.port), { ca })));
    expect(error.code).toBe(code);
    expect(networkFailure(error, "host")).toMatchObject({ code: "upstream_unreachable", status: 502 });
    expect([seen.text, client.stats().open]).toEqual(["", 0]);
    await Promise.all(upstream.sockets.map(closed));
  });

  test("where no TLS is spoken fails as such", async () => {
    await using upstream = await rawUpstream((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const error = await failureOf(createHttp1Client().send(requestTo(to("localhost", upstream.port))));
    expect(error.code).toBe("EPROTO");
  });

  test("that is broken off in the handshake is a broken connection", async () => {
    await using upstream = await rawUpstream((socket) => socket.once("data", () => socket.destroy()));
    const error = await failureOf(createHttp1Client().send(requestTo(to("localhost", upstream.port))));
    expect(error.code).toBe("ECONNRESET");
  });

  test("that does not come to stand in time is given up", async () => {
    await using upstream = await rawUpstream(() => undefined);
    const client = createHttp1Client();
    const error = await failureOf(client.send(requestTo(to("localhost", upstream.port), { connectMs: 40 })));
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: "upstream_timeout", status: 504, retryable: true });
    expect(error.message).toBe(
      `No connection to the upstream localhost:${upstream.port} within 40 ms (timeouts.connect).`,
    );
    upstream.sockets[0]?.resume();
    await Promise.all(upstream.sockets.map(closed));
  });

  test("is stopped within the handshake", async () => {
    const arrived = Promise.withResolvers<void>();
    await using upstream = await rawUpstream((socket) => socket.once("data", () => arrived.resolve()));
    const request = requestTo(to("localhost", upstream.port));
    const pending = createHttp1Client().send(request);
    await arrived.promise;
    const reason = new Error("stopped");
    request.stop.stop(reason);
    expect(await failureOf(pending)).toBe(reason);
    await Promise.all(upstream.sockets.map(closed));
  });

  test("carries a large request and a large answer, and waits for its reader", async () => {
    const size = 48 * 1024 * 1024;
    const part = Buffer.alloc(256 * 1024, "x");
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
      good,
    );
    const client = createHttp1Client();
    const request = requestTo(to("localhost", upstream.port), { ca: certificate, body: new Uint8Array(3_000_000) });
    const reply = await client.send(request);
    for (let before = -1; before !== sent;) {
      before = sent;
      await Bun.sleep(40);
    }
    expect(sent).toBeLessThan(size / 2);
    let got = 0;
    for (let piece = await reply.read(); piece !== undefined; piece = await reply.read()) got += piece.length;
    expect([got, client.stats().idle]).toEqual([size, 1]);
  });

  test("body cut short is a broken connection", async () => {
    await using upstream = await rawUpstream(
      answering((_request, socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhell")),
      good,
    );
    const reply = await createHttp1Client().send(requestTo(to("localhost", upstream.port), { ca: certificate }));
    expect((await failureOf(textOf(reply))).code).toBe("ECONNRESET");
  });
});
