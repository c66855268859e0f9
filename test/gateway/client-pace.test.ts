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
  read,
  readAll,
  shown,
  type OpenedStream,
} from "./client-rig.ts";

describe("a client that reads slowly", () => {
  test("slows the upstream: nothing is read ahead", async () => {
    const upstream = createUpstream();
    const { stream } = connect(upstream.opened(content("held")), { heartbeatMs: 5 });
    const reader = stream.getReader();
    await read(reader);
    for (let count = 0; count < 100; count += 1) upstream.send(content(`${count}`));
    await read(reader);
    const reads = upstream.reads();
    await Bun.sleep(40);
    expect(upstream.reads()).toBe(reads);
    // At most one heart-beat waits in front of the next event.
    const next = (await read(reader)) + (await read(reader));
    expect(next.split(": ping\n\n").length - 1).toBeLessThanOrEqual(1);
    await reader.cancel();
  });

  test("and not at all for the idle time is cut off, and the upstream let go", async () => {
    const upstream = createUpstream();
    const { stream, records } = connect(upstream.opened(content("a")), { idleMs: 25 });
    const reader = stream.getReader();
    await read(reader);
    upstream.send(content("b"));
    await until(() => records.length > 0, "the cut");
    expect(upstream.isReleased()).toBe(true);
    expect(records[0]).toMatchObject({ status: 499, endReason: "client_cancelled" });
    expect(await reader.read().catch((error: unknown) => String(error))).toContain("read nothing");
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
