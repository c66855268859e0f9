import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createStopSignal } from "../../src/lib/stop-signal.ts";
import { destinationOf } from "../../src/transport/destination.ts";
import { readAll, readShort, replyOfResponse, type UpstreamReply } from "../../src/transport/reply.ts";
import { sendUpstream } from "../../src/transport/send.ts";
import { until } from "../support/e2e.ts";
import type { Behaviour } from "../support/exchange.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake-upstream.ts";
import { body, gzipStream, hangAfterHeaders, pieces } from "../support/replies.ts";
import { expectAllClosed } from "../gateway/rig.ts";

const upstream = await createFakeUpstream();
beforeEach(() => upstream.clear());
// Nothing may stay open, whether it was read or not.
afterEach(() => expectAllClosed(upstream.requests));
afterAll(() => upstream.close());

function replyTo(behaviour: Behaviour, stop = createStopSignal()): Promise<UpstreamReply> {
  upstream.set("m", behaviour);
  return replyFrom(upstream, stop);
}

function replyFrom(from: FakeUpstream, stop = createStopSignal()): Promise<UpstreamReply> {
  return sendUpstream({
    destination: destinationOf(new URL(`${from.url}/chat/completions`)),
    method: "POST",
    headers: { authorization: "Bearer k", "content-type": "application/json" },
    body: Buffer.from('{"model":"m"}'),
    stop,
    connectMs: 5000,
  });
}

function fromMemory(content: string | null): UpstreamReply {
  return replyOfResponse(new Response(content));
}

const thousand = "x".repeat(1000);

describe("reading piece by piece", () => {
  test("gives the whole body and then nothing more", async () => {
    const reply = await replyTo(pieces(["one", "two", "three"]));
    let text = "";
    for (let part = await reply.read(); part !== undefined; part = await reply.read())
      text += Buffer.from(part).toString();
    expect(text).toBe("onetwothree");
    expect(await reply.read()).toBeUndefined();
  });

  test("gives nothing of a reply without a body", async () => {
    expect(await fromMemory(null).read()).toBeUndefined();
    expect(await (await replyTo(body(""))).read()).toBeUndefined();
  });

  test("rejects when the connection breaks, however orderly", async () => {
    for (const ending of ["rst", "fin"] as const) {
      const reply = await replyTo(pieces(["half"], { ending }));
      expect(await readAll(reply, 1e9).catch(() => "broken")).toBe("broken");
    }
  });

  test("rejects with the reason when it is stopped, before and while it waits", async () => {
    const reason = new Error("enough");
    for (const isWaiting of [true, false]) {
      const stop = createStopSignal();
      const reply = await replyTo(hangAfterHeaders("data: x\n\n"), stop);
      await reply.read();
      const waiting = isWaiting ? reply.read() : undefined;
      stop.stop(reason);
      expect(await (waiting ?? reply.read()).catch((error: unknown) => error)).toBe(reason);
    }
  });
});

describe("a reply that nobody reads", () => {
  test("is let go with its connection, unread or half read", async () => {
    for (const reads of [0, 1]) {
      const reply = await replyTo(hangAfterHeaders("data: x\n\n"));
      if (reads > 0) await reply.read();
      reply.cancel();
      expect(await upstream.requests.at(-1)?.ended).toBe("aborted");
    }
  });

  test("may be let go twice, when it is over, or has no body", async () => {
    const reply = await replyTo(body("whole"));
    await readAll(reply, 1e9);
    reply.cancel();
    reply.cancel();
    const empty = fromMemory(null);
    empty.cancel();
    expect(await empty.read()).toBeUndefined();
  });
});

test("the connection of a reply that was read to its end and then let go is used again", async () => {
  const other = await createFakeUpstream();
  other.set("m", body("whole"));
  for (let round = 0; round < 3; round += 1) {
    const reply = await replyFrom(other);
    await readAll(reply, 1e9);
    reply.cancel();
  }
  expect([other.requests.length, other.connections()]).toEqual([3, 1]);
  await other.close();
});

describe("reading everything", () => {
  test("joins the pieces in their order", async () => {
    const text = Buffer.from(await readAll(await replyTo(pieces(["é", thousand, "end"])), 1e9)).toString();
    expect(text).toBe(`é${thousand}end`);
    expect(await readAll(fromMemory(null), 1e9)).toHaveLength(0);
  });
});

describe("a short look", () => {
  test("gives a short body whole", async () => {
    expect(await readShort(fromMemory("é error"), 100)).toBe("é error");
    expect(await readShort(fromMemory(null), 100)).toBe("");
  });

  test("stops at the limit and lets the rest go", async () => {
    const reply = await replyTo(
      pieces(
        Array.from({ length: 100 }, () => thousand),
        { ending: "hang", paceMs: 1 },
      ),
    );
    expect(await readShort(reply, 5000)).toBe("x".repeat(5000));
    await until(() => upstream.running() === 0, "the upstream's end");
  });

  test("does not wait for more once it has enough", async () => {
    const reply = await replyTo(pieces([thousand], { ending: "hang" }));
    const text = await Promise.race([readShort(reply, 1000), Bun.sleep(300).then(() => "still waiting")]);
    reply.cancel();
    expect(text).toBe(thousand);
  });

  test("gives what had arrived when the connection broke", async () => {
    expect(await readShort(await replyTo(pieces(["half of it"], { ending: "rst" })), 5000)).toBe("half of it");
  });

  test("reads compressed answers", async () => {
    expect(await readShort(await replyTo(gzipStream()), 50)).toStartWith(": OPENROUTER");
  });
});
