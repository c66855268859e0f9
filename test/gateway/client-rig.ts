import { expect } from "bun:test";
import type { Opened } from "../../src/gateway/attempt.ts";
import type { Cancellation } from "../../src/gateway/cancellation.ts";
import { createClientStream } from "../../src/gateway/client-stream.ts";
import { createStopSignal } from "../../src/lib/stop-signal.ts";
import { latin1Of } from "../../src/lib/latin1.ts";
import { openaiChat } from "../../src/protocols/openai-chat/index.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { replyOfResponse, type UpstreamReply } from "../../src/transport/reply.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { eventsOf } from "../support/chat.ts";
import { connectRaw, type RawConnection } from "../support/raw-client.ts";
import { startRun } from "./rig.ts";
import { routed } from "./routed.ts";

export type OpenedStream = Extract<Opened, { kind: "stream" }>;

const table = routed(
  configured({
    providers: { one: openaiCompatibleAt("http://up.test/v1") },
    models: { m: { targets: [{ provider: "one", model: "up" }] } },
  }),
);
const hour = 3_600_000;
export const content = (text: string): string =>
  `data: {"id":"g","model":"up","choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\n`;
export const finish = 'data: {"id":"g","model":"up","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';
export const done = "data: [DONE]\n\n";
/** What the client sees of the upstream's text. */
export const shown = (text: string): string => text.replaceAll('"up"', '"m"');

/** An upstream's body in the test's hand. */
export function createUpstream() {
  const stop = createStopSignal();
  let own: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  let isReleased = false;
  let reads = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    { start: (given) => void (own = given), cancel: () => void (isReleased = true) },
    { highWaterMark: 0 },
  );
  stop.onStop((reason) => {
    isReleased = true;
    try {
      own?.error(reason);
    } catch {
      // Closed already.
    }
  });
  const reply = replyOfResponse(new Response(body));
  const counted: UpstreamReply = {
    ...reply,
    read() {
      reads += 1;
      return reply.read();
    },
  };
  return {
    stop,
    opened: (held = ""): OpenedStream => ({
      kind: "stream",
      headers: new Headers(),
      reply: counted,
      editor: openaiChat.createStreamEditor({ modelShown: "m", hideUsage: false, textLimit: 100 }),
      stop,
      host: "up.test",
      losses: [],
      idleMs: hour,
      progressMs: hour,
      credential: undefined,
      held,
    }),
    send: (text: string) => own?.enqueue(Buffer.from(text, "latin1") as unknown as Uint8Array<ArrayBuffer>),
    close: () => own?.close(),
    break: (error: unknown) => own?.error(error),
    /** Pieces that were asked for. */
    reads: () => reads,
    isReleased: () => isReleased,
  };
}

export interface Client {
  stream: ReadableStream<Uint8Array>;
  records: RequestRecord[];
  cancellation: Cancellation;
}

export function connect(
  opening: OpenedStream | Promise<OpenedStream>,
  { heartbeatMs = hour, idleMs = hour, totalMs = hour } = {},
): Client {
  const { exchange, records } = startRun({ routed: table, stream: true, totalMs });
  const withIdle = (opened: OpenedStream): OpenedStream => ({ ...opened, idleMs });
  const patient = opening instanceof Promise ? opening.then(withIdle) : withIdle(opening);
  const stream = createClientStream({ exchange, opening: patient, heartbeatMs });
  return { stream, records, cancellation: exchange.cancellation };
}

/** The stream on a real connection, with its client's end in the test's hand: only a socket can be full. */
export async function onSocket(stream: ReadableStream<Uint8Array>): Promise<RawConnection & AsyncDisposable> {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(stream) });
  const client = await connectRaw(server.port ?? 0);
  client.send("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  return {
    ...client,
    async [Symbol.asyncDispose]() {
      client.leave();
      await server.stop(true);
    },
  };
}

export async function read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return value === undefined ? "(end)" : latin1Of(value);
}

export async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  return latin1Of(await new Response(stream).bytes());
}

export function expectErrorForm(text: string, before: string, code: string): void {
  expect(text.startsWith(before)).toBe(true);
  const events = eventsOf(text.slice(before.length));
  expect(events).toHaveLength(3);
  expect(events[0]).toMatchObject({ model: "m", choices: [{ delta: {}, finish_reason: "error" }] });
  expect(events[1]).toMatchObject({ error: { code } });
  expect(events[2]).toBe("[DONE]");
}
