import { describe, expect, test } from "bun:test";
import { until } from "../support/e2e.ts";
import { GatewayError } from "../../src/errors.ts";
import { endReasonOf } from "../../src/gateway/end-reason.ts";
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
    // It is given a second to end its body, which would keep the connection.
    await until(() => upstream.isReleased(), "released");
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

describe("what happens behind the finish does not matter", () => {
  test("to the answer: a connection that breaks there broke too late", async () => {
    const upstream = createUpstream();
    const { stream, records } = connect(upstream.opened());
    const reader = stream.getReader();
    upstream.send(content("a") + finish);
    expect(await read(reader)).toBe(shown(content("a") + finish));
    const rest = read(reader);
    upstream.break(Object.assign(new Error("x"), { code: "ECONNRESET" }));
    expect(await rest).toBe("(end)");
    expect(records[0]).toMatchObject({ status: 200, endReason: "completed" });
  });

  test("to the request: its time and its client's leaving count no more", async () => {
    const upstream = createUpstream();
    const { stream, records, cancellation } = connect(upstream.opened(), { totalMs: 30, idleMs: 30, heartbeatMs: 10 });
    upstream.send(content("a") + finish + done);
    expect((await readAll(stream)).replaceAll(": ping\n\n", "")).toBe(shown(content("a") + finish) + done);
    await Bun.sleep(50);
    expect([cancellation.reason(), records.length]).toEqual([undefined, 1]);
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
    upstream.stop.stop(reason);
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
