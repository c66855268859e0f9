import type { Socket } from "node:net";
import type { WireRequest } from "./http-request.ts";

export interface ReceivedRequest extends WireRequest {
  /** Target without the query. */
  readonly path: string;
  /** Values of a repeated name are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Parsed body; `undefined` when it is no JSON object. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
  /** `model` of the body, or empty. */
  readonly model: string;
  /** `performance.now()` at arrival. */
  readonly receivedAt: number;
  /** `performance.now()` when the other side closed before the answer was complete. */
  readonly abortedAt: number | undefined;
  /** Settles when the answer is complete or the other side has closed. */
  readonly ended: Promise<"answered" | "aborted" | "cut">;
  hasEnded(): boolean;
}

export type Framing = "chunked" | "close" | "length";

export interface ResponseStart {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** How the body's end is told: chunked coding, closing the connection, or a length given in `headers`. */
  framing?: Framing;
}

/** One request being answered, with control over every byte that leaves. */
export interface Exchange {
  readonly request: ReceivedRequest;
  start(options?: ResponseStart): void;
  /** Body bytes: one call, one chunk, one write to the socket. */
  write(bytes: string | Uint8Array): void;
  /** Bytes as they are, past any framing. */
  writeRaw(bytes: string | Uint8Array): void;
  end(): void;
  /** Breaks the connection now: orderly close (FIN) or reset (RST). */
  cut(how: "fin" | "rst"): void;
  /** Waits until what was written has left for the network, or the other side has. */
  drained(): Promise<void>;
  /** Waits, but no longer than the other side stays. */
  pause(milliseconds: number): Promise<void>;
  hasEnded(): boolean;
}

export type Behaviour = (exchange: Exchange) => void | Promise<void>;

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function received(request: WireRequest) {
  const headers: Record<string, string> = {};
  for (const [name, value] of request.headerLines) {
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  const text = new TextDecoder().decode(request.body);
  const json = parseObject(text);
  const model = json?.["model"];
  const { promise, resolve } = Promise.withResolvers<"answered" | "aborted" | "cut">();
  return {
    resolve,
    request: {
      ...request,
      path: request.target.split("?")[0] ?? "",
      headers,
      text,
      json,
      model: typeof model === "string" ? model : "",
      receivedAt: performance.now(),
      abortedAt: undefined as number | undefined,
      ended: promise,
      hasEnded: () => false,
    },
  };
}

/** `whenFree` is called once the connection may carry the next request. */
export function createExchange(
  socket: Socket,
  wire: WireRequest,
  whenFree: () => void,
): Exchange & { peerLeft(): void } {
  const { request, resolve } = received(wire);
  let framing: Framing = "chunked";
  let ended = false;
  const { promise: over, resolve: isOver } = Promise.withResolvers<void>();
  request.hasEnded = () => ended;

  function finish(outcome: "answered" | "aborted" | "cut"): void {
    if (ended) return;
    ended = true;
    if (outcome === "aborted") request.abortedAt = performance.now();
    resolve(outcome);
    isOver();
  }
  function send(bytes: string | Uint8Array): void {
    if (!ended) socket.write(bytes);
  }

  return {
    request,
    start({ status = 200, headers = {}, framing: chosen = "chunked" } = {}) {
      framing = chosen;
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      if (framing === "chunked") lines.push("transfer-encoding: chunked");
      if (framing === "close") lines.push("connection: close");
      send(`HTTP/1.1 ${status} Fake\r\ndate: ${new Date().toUTCString()}\r\n${lines.join("\r\n")}\r\n\r\n`);
    },
    write(bytes) {
      const body = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
      if (body.length === 0) return;
      if (framing !== "chunked") return send(body);
      send(Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")]));
    },
    writeRaw: send,
    end() {
      if (ended) return;
      if (framing === "chunked") send("0\r\n\r\n");
      finish("answered");
      if (framing === "close") socket.end();
      else whenFree();
    },
    cut(how) {
      finish("cut");
      if (how === "rst") socket.resetAndDestroy();
      else socket.end();
    },
    async drained() {
      if (!socket.writableNeedDrain) return;
      const { promise, resolve: flowing } = Promise.withResolvers<void>();
      socket.once("drain", flowing);
      await Promise.race([promise, over]);
    },
    async pause(milliseconds) {
      const { promise, resolve: elapsed } = Promise.withResolvers<void>();
      const timer = setTimeout(elapsed, milliseconds);
      await Promise.race([promise, over]);
      clearTimeout(timer);
    },
    hasEnded: () => ended,
    peerLeft: () => finish("aborted"),
  };
}
