// A chat upstream that costs next to nothing: raw sockets, answers built in advance, streams paced by one clock.
// The model's name says what to do: `bench/json` answers 0.8 kB of JSON, `bench/stream-20-300` streams 300 frames, one
// every 20 ms, and `bench/hang` takes the request and stays silent. Prints its port as the only line of output.
import type { Socket, TCPSocketListener } from "bun";

interface Connection {
  pending: Buffer | undefined;
  stream: Stream | undefined;
}

interface Stream {
  readonly socket: Socket<Connection>;
  readonly everyMs: number;
  framesLeft: number;
  /** `performance.now()` when the next frame is due. */
  due: number;
  sequence: number;
}

const filler = "The quick brown fox jumps over the lazy dog. ".repeat(9);
const answer = JSON.stringify({
  id: "gen-1700000000-benchmarkbenchmark",
  provider: "Mock",
  model: "bench/json",
  object: "chat.completion",
  created: 1_700_000_000,
  choices: [{ index: 0, finish_reason: "stop", logprobs: null, message: { role: "assistant", content: filler } }],
  usage: { prompt_tokens: 60, completion_tokens: 90, total_tokens: 150, cost: 0.0001 },
});
const jsonResponse = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(answer)}\r\n\r\n${answer}`,
);
const streamHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

function chunked(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function frame(choices: unknown[], extra: Record<string, unknown> = {}): string {
  const fields = { id: "gen-1700000000-benchmarkbenchmark", provider: "Mock", model: "bench/stream" };
  return `data: ${JSON.stringify({ ...fields, object: "chat.completion.chunk", created: 1_700_000_000, choices, ...extra })}\n\n`;
}

function delta(content: string, finishReason: string | null = null): string {
  const choice = { index: 0, delta: { role: "assistant", content }, finish_reason: finishReason, logprobs: null };
  return frame([{ ...choice, native_finish_reason: finishReason }]);
}

/** Frames numbered 0-9999; the number is what differs, so that a lost or doubled one would show. */
const frames = Array.from({ length: 10_000 }, (_, number) =>
  Buffer.from(chunked(delta(` word${String(number).padStart(4, "0")}`))),
);
const streamEnd = Buffer.from(
  chunked(delta("", "stop")) +
    chunked(frame([], { usage: { prompt_tokens: 60, completion_tokens: 90, total_tokens: 150, cost: 0.0001 } })) +
    chunked("data: [DONE]\n\n") +
    "0\r\n\r\n",
);

const streams = new Set<Stream>();

/** Streams are started at different moments, so that their frames spread evenly over the pace. */
function advance(now: number): void {
  for (const stream of streams) {
    while (stream.due <= now && stream.framesLeft > 0) {
      stream.socket.write(frames[stream.sequence % frames.length] ?? streamEnd);
      stream.sequence += 1;
      stream.framesLeft -= 1;
      stream.due += stream.everyMs;
    }
    if (stream.framesLeft > 0) continue;
    stream.socket.write(streamEnd);
    forget(stream.socket);
  }
}

/** Ticks only while there are streams: a mock at rest must not take time from the load beside it. */
let clock: NodeJS.Timeout | undefined;

function add(stream: Stream): void {
  stream.socket.data.stream = stream;
  streams.add(stream);
  clock ??= setInterval(() => advance(performance.now()), 1);
}

function forget(socket: Socket<Connection>): void {
  if (socket.data.stream === undefined) return;
  streams.delete(socket.data.stream);
  socket.data.stream = undefined;
  if (streams.size > 0) return;
  clearInterval(clock);
  clock = undefined;
}

function startStream(socket: Socket<Connection>, everyMs: number, framesLeft: number): void {
  socket.write(streamHead);
  add({ socket, everyMs, framesLeft, due: performance.now(), sequence: 0 });
}

function respond(socket: Socket<Connection>, request: string): void {
  const paced = /"model" ?: ?"bench\/stream-(\d+)-(\d+)"/.exec(request);
  if (paced !== null) return startStream(socket, Number(paced[1]), Number(paced[2]));
  if (!request.includes(`"bench/hang"`)) socket.write(jsonResponse);
}

/** Length of the request at the start of the text, or `undefined` when its head or body is not complete. */
function requestLength(text: string): number | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const length = /content-length: *(\d+)/i.exec(text.slice(0, end))?.[1] ?? "0";
  const total = end + 4 + Number(length);
  return text.length < total ? undefined : total;
}

function receive(socket: Socket<Connection>, bytes: Buffer): void {
  const { pending } = socket.data;
  const all = pending === undefined ? bytes : Buffer.concat([pending, bytes]);
  const text = all.toString("latin1");
  const length = requestLength(text);
  socket.data.pending = length === undefined ? Buffer.from(all) : undefined;
  if (length !== undefined) respond(socket, text);
}

const listener: TCPSocketListener<Connection> = Bun.listen<Connection>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { pending: undefined, stream: undefined };
      socket.setNoDelay(true);
    },
    data: receive,
    close: forget,
    error: forget,
  },
});
console.log(listener.port);
