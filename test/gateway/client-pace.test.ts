import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { until } from "../support/e2e.ts";
import {
  connect,
  content,
  createUpstream,
  done,
  expectErrorForm,
  finish,
  onSocket,
  read,
  readAll,
  shown,
  type OpenedStream,
} from "./client-rig.ts";

/** More than the buffers of a connection take in. */
function sendMuch(upstream: ReturnType<typeof createUpstream>): string[] {
  const events = Array.from({ length: 400 }, (_, count) => content(`${count} ${"x".repeat(64_000)}`));
  for (const event of events) upstream.send(event);
  return events;
}

/** Waits until the upstream is asked no more. */
async function standstill(upstream: ReturnType<typeof createUpstream>): Promise<number> {
  for (let reads = -1; reads !== upstream.reads(); await Bun.sleep(50)) reads = upstream.reads();
  return upstream.reads();
}

describe("a client that reads slowly", () => {
  test("slows the upstream: nothing is read that its connection cannot take", async () => {
    const upstream = createUpstream();
    const { stream, records } = connect(upstream.opened(content("held")), { heartbeatMs: 5 });
    await using client = await onSocket(stream);
    await client.waitFor(/held/);
    client.pauseReading();
    const events = sendMuch(upstream);
    const reads = await standstill(upstream);
    expect(reads).toBeLessThan(events.length - 100);
    await Bun.sleep(100);
    expect(upstream.reads()).toBe(reads);
    client.resumeReading();
    upstream.send(finish + done);
    await client.waitFor(/\r\n0\r\n\r\n$/);
    const text = client.received();
    expect(text.match(/"content":"\d+/g)).toHaveLength(events.length);
    // One may have gone out before the connection was full, and some since it was read again.
    expect(text.split(": ping\n\n").length - 1).toBeLessThan(10);
    expect(records[0]?.endReason).toBe("completed");
  });

  test("and not at all for the idle time is cut off, and the upstream let go", async () => {
    const upstream = createUpstream();
    const { stream, records } = connect(upstream.opened(content("a")), { idleMs: 25 });
    await using client = await onSocket(stream);
    client.pauseReading();
    sendMuch(upstream);
    await until(() => records.length > 0, "the cut");
    expect(upstream.isReleased()).toBe(true);
    expect(records[0]).toMatchObject({ status: 499, endReason: "client_cancelled" });
    expect(records[0]?.errorMessage).toContain("read nothing");
    client.resumeReading();
    await client.closed;
    expect(client.received()).not.toEndWith("0\r\n\r\n");
  });

  test("or not at all when the request is stopped is cut off", async () => {
    const upstream = createUpstream();
    const { stream, records, cancellation } = connect(upstream.opened(content("a")));
    await using client = await onSocket(stream);
    client.pauseReading();
    sendMuch(upstream);
    await standstill(upstream);
    cancellation.cancel(new GatewayError({ code: "draining", status: 503, message: "Shutting down." }));
    expect([upstream.isReleased(), records[0]?.endReason]).toEqual([true, "shutdown"]);
    client.resumeReading();
    await client.closed;
    expect(client.received()).not.toEndWith("0\r\n\r\n");
  });
});

describe("a client on a real connection", () => {
  for (const how of ["fin", "rst"] as const) {
    test(`that leaves (${how}) a quiet stream lets the upstream go at once`, async () => {
      const upstream = createUpstream();
      const { stream, records } = connect(upstream.opened(content("a")));
      await using client = await onSocket(stream);
      await client.waitFor(/"a"/);
      client.leave(how);
      await until(() => upstream.isReleased(), "released");
      expect(records).toHaveLength(1);
      expect(records[0]).toMatchObject({ status: 499, endReason: "client_cancelled" });
    });
  }

  test("gets each event when it comes, in one piece, and a proper end behind the last", async () => {
    const upstream = createUpstream();
    const { stream } = connect(upstream.opened(content("a")));
    await using client = await onSocket(stream);
    await client.waitFor(/"a"/);
    upstream.send(content("\u00c3\u00a4"));
    await client.waitFor(/"\u00c3\u00a4"/);
    upstream.send(finish + done);
    await client.waitFor(/\[DONE\]\n\n\r\n0\r\n\r\n$/);
  });
});

/** Sends an event every 20 ms, ten times, and reads what the client gets. */
async function trickle(limits: { heartbeatMs?: number; idleMs?: number }): Promise<string> {
  const upstream = createUpstream();
  const { stream } = connect(upstream.opened(), limits);
  const whole = readAll(stream);
  for (let count = 0; count < 10; count += 1) {
    upstream.send(content(`${count}`));
    await Bun.sleep(20);
  }
  upstream.send(done);
  return whole;
}

describe("a stream that goes on slowly", () => {
  test("is not silent, however long it takes in all", async () => {
    expect(await trickle({ idleMs: 90 })).not.toContain("error");
  });

  test("needs no heart-beats", async () => {
    expect(await trickle({ heartbeatMs: 90 })).not.toContain("ping");
  });
});

describe("heart-beats", () => {
  test("keep a quiet stream alive, between events only", async () => {
    const upstream = createUpstream();
    const { stream } = connect(upstream.opened(), { heartbeatMs: 10 });
    const reader = stream.getReader();
    upstream.send(content("a").slice(0, 40));
    expect(await read(reader)).toBe(": ping\n\n");
    expect(await read(reader)).toBe(": ping\n\n");
    upstream.send(content("a").slice(40));
    let text = "";
    while (!text.includes("data:")) text = await read(reader);
    expect(text).toBe(shown(content("a")));
    upstream.send(finish + done);
    upstream.close();
    let rest = "";
    for (let piece = ""; piece !== "(end)"; piece = await read(reader)) rest += piece;
    expect(rest.replaceAll(": ping\n\n", "")).toBe(shown(finish) + done);
  });

  test("begin before the upstream has answered, whose failure then comes as an error form", async () => {
    const { promise, reject } = Promise.withResolvers<OpenedStream>();
    const { stream, records } = connect(promise, { heartbeatMs: 10 });
    const reader = stream.getReader();
    expect(await read(reader)).toBe(": ping\n\n");
    reject(new GatewayError({ code: "upstream_overloaded", status: 503, message: "busy" }));
    let text = "";
    for (let piece = ""; piece !== "(end)"; piece = await read(reader)) text += piece;
    expectErrorForm(text.replaceAll(": ping\n\n", ""), "", "upstream_overloaded");
    expect(records[0]).toMatchObject({ status: 503, endReason: "upstream_error", errorCode: "upstream_overloaded" });
  });

  test("stop with the stream", async () => {
    const upstream = createUpstream();
    const { stream } = connect(upstream.opened(content("a") + finish), { heartbeatMs: 5 });
    upstream.close();
    const text = await readAll(stream);
    expect(text).toStartWith(content("a"));
    await Bun.sleep(15);
  });
});
