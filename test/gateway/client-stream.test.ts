import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import type { Opened } from "../../src/gateway/attempt.ts";
import type { Cancellation } from "../../src/gateway/cancellation.ts";
import { createClientStream, endReasonOf } from "../../src/gateway/client-stream.ts";
import { latin1Of } from "../../src/lib/latin1.ts";
import { openaiChat } from "../../src/protocols/openai-chat/index.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { eventsOf } from "../support/chat.ts";
import { until } from "../support/e2e.ts";
import { createModelTable } from "../../src/routing/model-table.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { startRun } from "./rig.ts";

type OpenedStream = Extract<Opened, { kind: "stream" }>;

const table = createModelTable(
  configured({
    providers: { one: openaiCompatibleAt("http://up.test/v1") },
    models: { m: { targets: [{ provider: "one", model: "up" }] } },
  }),
);
const hour = 3_600_000;
const content = (text: string): string =>
  `data: {"id":"g","model":"up","choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\n`;
const finish = 'data: {"id":"g","model":"up","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';
const done = "data: [DONE]\n\n";
const shown = (text: string): string => text.replaceAll('"up"', '"m"');

/** An upstream's body in the test's hand. */
function createUpstream() {
  const controller = new AbortController();
  let own: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  let pulls = 0;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start: (given) => void (own = given),
      pull: () => void (pulls += 1),
      cancel: () => void (cancelled = true),
    },
    { highWaterMark: 0 },
  );
  controller.signal.addEventListener("abort", () => {
    try {
      own?.error(controller.signal.reason);
    } catch {
      // Closed already.
    }
  });
  return {
    controller,
    opened: (held = ""): OpenedStream => ({
      kind: "stream",
      headers: new Headers(),
      reader: body.getReader(),
      editor: openaiChat.createStreamEditor({ modelShown: "m", hideUsage: false, textLimit: 100 }),
      controller,
      host: "up.test",
      held,
    }),
    send: (text: string) => own?.enqueue(Buffer.from(text, "latin1") as unknown as Uint8Array<ArrayBuffer>),
    close: () => own?.close(),
    break: (error: unknown) => own?.error(error),
    pulls: () => pulls,
    isReleased: () => cancelled || controller.signal.aborted,
  };
}

interface Client {
  stream: ReadableStream<Uint8Array>;
  records: RequestRecord[];
  cancellation: Cancellation;
}

function connect(opening: OpenedStream | Promise<OpenedStream>, { heartbeatMs = hour, idleMs = hour } = {}): Client {
  const { exchange, records } = startRun({ table, stream: true, totalMs: hour });
  const stream = createClientStream({ exchange, opening, heartbeatMs, idleMs });
  return { stream, records, cancellation: exchange.cancellation };
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return value === undefined ? "(end)" : latin1Of(value);
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  return latin1Of(await new Response(stream).bytes());
}

function expectErrorForm(text: string, before: string, code: string): void {
  expect(text.startsWith(before)).toBe(true);
  const events = eventsOf(text.slice(before.length));
  expect(events).toHaveLength(3);
  expect(events[0]).toMatchObject({ model: "m", choices: [{ delta: {}, finish_reason: "error" }] });
  expect(events[1]).toMatchObject({ error: { code } });
  expect(events[2]).toBe("[DONE]");
}

describe("a whole stream", () => {
  test("reaches the client event by event and is recorded as completed", async () => {
    const upstream = createUpstream();
    const { stream, records } = connect(upstream.opened(": held\n\n"));
    const reader = stream.getReader();
    expect(await read(reader)).toBe(": held\n\n");
    upstream.send(content("a").slice(0, 30));
    const next = read(reader);
    await Bun.sleep(1);
    upstream.send(content("a").slice(30) + content("b"));
    expect(await next).toBe(shown(content("a") + content("b")));
    upstream.send(finish + done + content("late"));
    expect(await read(reader)).toBe(finish.replace('"up"', '"m"') + done);
    expect(await read(reader)).toBe("(end)");
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      status: 200,
      endReason: "completed",
      assistantText: "ab",
      finishReason: "stop",
    });
    expect(records[0]?.ttftMs).toBeGreaterThan(0);
  });

  test("ends at [DONE] though the upstream keeps its body open, and lets it go", async () => {
    const upstream = createUpstream();
    const { stream } = connect(upstream.opened());
    upstream.send(content("a") + done);
    expect(await readAll(stream)).toBe(shown(content("a")) + done);
    expect(upstream.isReleased()).toBe(true);
  });

  test("may end without [DONE] once it has finished", async () => {
    const upstream = createUpstream();
    const { stream, records } = connect(upstream.opened());
    upstream.send(content("a") + finish);
    upstream.close();
    expect(await readAll(stream)).toBe(shown(content("a") + finish));
    expect(records[0]?.endReason).toBe("completed");
  });
});

describe("a broken stream ends in one error form", () => {
  const endings: Record<string, [(upstream: ReturnType<typeof createUpstream>) => void, string, string]> = {
    "when the upstream's connection breaks": [
      (upstream) => upstream.break(Object.assign(new Error("x"), { code: "ECONNRESET" })),
      "upstream_error",
      "upstream_error",
    ],
    "when it ends without a finish": [(upstream) => upstream.close(), "upstream_error", "upstream_error"],
    "when the upstream says so": [
      (upstream) => upstream.send(`data: {"error":{"code":429,"message":"slow"}}\n\n${done}`),
      "rate_limit_exceeded",
      "upstream_error",
    ],
    "when an event is too large": [
      (upstream) => upstream.send(`data: ${"x".repeat(5 << 20)}`),
      "upstream_invalid_response",
      "upstream_error",
    ],
  };
  for (const [name, [end, code, endReason]] of Object.entries(endings)) {
    test(name, async () => {
      const upstream = createUpstream();
      const { stream, records } = connect(upstream.opened());
      const reader = stream.getReader();
      upstream.send(content("a"));
      expect(await read(reader)).toBe(shown(content("a")));
      const rest = read(reader);
      end(upstream);
      expectErrorForm(await rest, "", code);
      expect(await read(reader)).toBe("(end)");
      expect(records).toHaveLength(1);
      expect(records[0]).toMatchObject({ endReason, errorCode: code, usageSource: "estimated" });
      expect(upstream.isReleased()).toBe(true);
    });
  }

  test("when the upstream falls silent for too long", async () => {
    const upstream = createUpstream();
    const { stream, records } = connect(upstream.opened(content("a")), { idleMs: 30 });
    const from = performance.now();
    expectErrorForm(await readAll(stream), content("a"), "upstream_timeout");
    expect(performance.now() - from).toBeGreaterThanOrEqual(28);
    expect(records[0]).toMatchObject({ status: 503, endReason: "timeout" });
    expect(records[0]?.errorMessage).toContain("timeouts.idle");
    expect(upstream.isReleased()).toBe(true);
  });

  test("when the request is stopped, with the stop's reason", async () => {
    const upstream = createUpstream();
    const { stream, records, cancellation } = connect(upstream.opened(content("a")));
    const reader = stream.getReader();
    await read(reader);
    const rest = read(reader);
    const reason = new GatewayError({ code: "draining", status: 503, message: "Shutting down." });
    cancellation.cancel(reason);
    upstream.controller.abort(reason);
    expectErrorForm(await rest, "", "draining");
    expect(records[0]).toMatchObject({ endReason: "shutdown", errorMessage: "Shutting down." });
  });
});

describe("a client that leaves", () => {
  test("lets the upstream go at once and is recorded with what it got", async () => {
    const upstream = createUpstream();
    const { stream, records } = connect(upstream.opened());
    const reader = stream.getReader();
    upstream.send(content("a"));
    await read(reader);
    const waiting = reader.read();
    await reader.cancel();
    expect(upstream.isReleased()).toBe(true);
    expect((await waiting).done).toBe(true);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ status: 499, endReason: "client_cancelled", usageSource: "estimated" });
  });

  test("before it read anything", async () => {
    const upstream = createUpstream();
    const { stream, records } = connect(upstream.opened(content("a")));
    await stream.cancel();
    expect([upstream.isReleased(), records[0]?.endReason]).toEqual([true, "client_cancelled"]);
  });

  test("before the upstream has answered: what opens later is let go", async () => {
    const upstream = createUpstream();
    const { promise, resolve } = Promise.withResolvers<OpenedStream>();
    const { stream, records, cancellation } = connect(promise);
    const reader = stream.getReader();
    const waiting = reader.read();
    await Bun.sleep(1);
    await reader.cancel();
    expect((await waiting).done).toBe(true);
    expect(cancellation.reason()?.code).toBe("client_cancelled");
    resolve(upstream.opened());
    await Bun.sleep(1);
    expect(upstream.isReleased()).toBe(true);
    expect(records.map(({ endReason }) => endReason)).toEqual(["client_cancelled"]);
  });
});

describe("a client that reads slowly", () => {
  test("slows the upstream: nothing is read ahead", async () => {
    const upstream = createUpstream();
    const { stream } = connect(upstream.opened(content("held")), { heartbeatMs: 5 });
    const reader = stream.getReader();
    await read(reader);
    for (let count = 0; count < 100; count += 1) upstream.send(content(`${count}`));
    await read(reader);
    const pulls = upstream.pulls();
    await Bun.sleep(40);
    expect(upstream.pulls()).toBe(pulls);
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
    await expect(reader.read()).rejects.toThrow("read nothing");
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

test.each([
  ["client_cancelled", "client_cancelled"],
  ["upstream_timeout", "timeout"],
  ["draining", "shutdown"],
  ["internal_error", "internal_error"],
  ["upstream_error", "upstream_error"],
  ["rate_limit_exceeded", "upstream_error"],
] as const)("an end with %s is recorded as %s", (code, endReason) => {
  expect(endReasonOf(new GatewayError({ code, status: 500, message: "m" }))).toBe(endReason);
});
