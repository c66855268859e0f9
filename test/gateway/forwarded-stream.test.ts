import { expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { createForwardedStream } from "../../src/gateway/forwarded-stream.ts";
import type { Observation } from "../../src/protocols/protocol.ts";
import type { UpstreamReply } from "../../src/transport/reply.ts";

interface End {
  error: GatewayError | undefined;
  observation: Observation;
}

const gone = new GatewayError({ code: "upstream_error", status: 502, message: "gone" });

/** An upstream whose pieces are known; an error among them breaks it. */
function replyOf(pieces: readonly (string | Uint8Array | Error)[]) {
  const left = [...pieces];
  let isCancelled = false;
  const reply: UpstreamReply = {
    status: 200,
    headers: new Headers(),
    read() {
      const piece = left.shift();
      if (piece instanceof Error) return Promise.reject(piece);
      return Promise.resolve(typeof piece === "string" ? Buffer.from(piece) : piece);
    },
    cancel: () => void (isCancelled = true),
  };
  return { reply, left, isCancelled: () => isCancelled };
}

interface Forward {
  reads?: "json" | "events" | "nothing";
  idleMs?: number;
}

function forward(pieces: readonly (string | Uint8Array | Error)[], { reads = "json", idleMs = 60_000 }: Forward = {}) {
  const upstream = replyOf(pieces);
  const ends: End[] = [];
  let stop: ((reason: GatewayError) => void) | undefined;
  const stream = createForwardedStream({
    reply: upstream.reply,
    reads,
    onEnd: (error, observation) => void ends.push({ error, observation }),
    toGatewayError: (thrown) => (thrown instanceof GatewayError ? thrown : gone),
    cancellation: { onStop: (listener) => void (stop = listener) },
    idleMs,
  });
  return { ...upstream, stream, ends, stop: (reason: GatewayError) => stop?.(reason) };
}

test("a body goes through byte for byte, and its end is told once", async () => {
  const binary = Uint8Array.from({ length: 1000 }, (_, index) => index % 256);
  const { stream, ends } = forward(["ä", binary, "z"], { reads: "nothing" });
  expect(Buffer.from(await new Response(stream).bytes())).toEqual(
    Buffer.concat([Buffer.from("ä"), binary, Buffer.from("z")]),
  );
  expect(ends).toHaveLength(1);
  expect(ends[0]?.error).toBeUndefined();
  expect(ends[0]?.observation.usage).toBeUndefined();
});

test("nothing is read before the client asks", async () => {
  const { stream, left } = forward(["a", "b", "c"]);
  await Bun.sleep(1);
  expect(left).toHaveLength(3);
  const reader = stream.getReader();
  await reader.read();
  expect(left).toHaveLength(2);
  await reader.cancel();
});

test("what an answer says of its cost is read along, in pieces too", async () => {
  const json = '{"model":"m-1","usage":{"prompt_tokens":5,"completion_tokens":7,"cost":0.5},"ä":1}';
  const pieces = Array.from(json);
  const { stream, ends } = forward(pieces);
  expect(await new Response(stream).text()).toBe(json);
  expect(ends[0]?.observation).toMatchObject({ model: "m-1", costUsd: 0.5, usage: { input: 5, output: 7 } });
});

test("of a stream its last word counts", async () => {
  const events = [
    'data: {"usage":{"input_tokens":1,"output_tokens":1}}\n\n',
    `data: {"filler":"${"x".repeat(1_500_000)}"}\n\n`,
    'data: {"type":"done","usage":{"input_tokens":3,"output_tokens":4}}\n\n',
  ];
  const { stream, ends } = forward(events, { reads: "events" });
  await new Response(stream).bytes();
  expect(ends[0]?.observation.usage).toMatchObject({ input: 3, output: 4 });
});

test("an answer that is too long, or no JSON, has no cost", async () => {
  const long = `{"usage":{"prompt_tokens":5,"completion_tokens":1},"data":"${"x".repeat(1_200_000)}"}`;
  for (const pieces of [[long], ["[1,2"], ["null"], ['"usage"'], [], ["{}"], ['{"usage":7}']]) {
    const { stream, ends } = forward(pieces);
    await new Response(stream).bytes();
    expect(ends).toHaveLength(1);
    expect(ends[0]?.observation.usage).toBeUndefined();
  }
});

test("a body that breaks breaks for the client, never ends", async () => {
  const { stream, ends } = forward(["half", new Error("ECONNRESET")]);
  const reader = stream.getReader();
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("half");
  expect(await reader.read().catch((error: unknown) => error)).toBe(gone);
  expect(ends).toMatchObject([{ error: { code: "upstream_error" } }]);
});

test("a client that leaves lets the upstream go", async () => {
  const { stream, ends, isCancelled } = forward(["a", "b"]);
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  expect(isCancelled()).toBe(true);
  expect(ends).toMatchObject([{ error: { code: "client_cancelled" } }]);
});

test("a request that is stopped is cut where it is", async () => {
  const { stream, ends, isCancelled, stop } = forward(["a", "b"]);
  const reader = stream.getReader();
  await reader.read();
  stop(gone);
  stop(gone);
  expect(await reader.read().catch((error: unknown) => error)).toBe(gone);
  expect(isCancelled()).toBe(true);
  expect(ends).toMatchObject([{ error: { code: "upstream_error" } }]);
});

test("a client that reads nothing for too long is let go", async () => {
  const { stream, ends, isCancelled } = forward(["a", "b"], { idleMs: 20 });
  const reader = stream.getReader();
  await reader.read();
  await reader.closed.catch(() => undefined);
  expect(isCancelled()).toBe(true);
  expect(ends).toMatchObject([{ error: { code: "upstream_timeout" } }]);
});
