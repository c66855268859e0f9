import type { Socket } from "bun";

/** What came of one request. */
export interface LoadResult {
  /** 0 = the connection broke. */
  status: number;
  retryAfter: string | undefined;
  /** What the gateway says of requests upstream, 0 = nothing. */
  attempts: number;
  /** From the first byte sent to the last one received. */
  ms: number;
  /** From the moment the request was due, so that waiting for a connection counts. */
  sinceDueMs: number;
}

export interface LoadClient {
  /** Sends one request on a connection that is free, or a new one. Never rejects. */
  send(bytes: Buffer, due?: number): Promise<LoadResult>;
  close(): void;
}

interface Line {
  pending: string;
  sentAt: number;
  due: number;
  done: ((result: LoadResult) => void) | undefined;
}

/** Whether the bytes so far hold a whole response, in both framings that a gateway may choose. */
function isComplete(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const length = /content-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
  return length === undefined ? text.endsWith("\r\n0\r\n\r\n") : text.length >= end + 4 + Number(length);
}

function resultOf(text: string, { sentAt, due }: Line): LoadResult {
  const now = performance.now();
  const head = text.slice(0, text.indexOf("\r\n\r\n"));
  return {
    status: Number(text.slice(9, 12)),
    retryAfter: /\r\nretry-after: *(\S+)/i.exec(head)?.[1],
    attempts: Number(/\r\nx-orcestator-attempts: *(\d+)/i.exec(head)?.[1] ?? 0),
    ms: now - sentAt,
    sinceDueMs: now - due,
  };
}

/** A POST for a connection that stays open. */
export function postRequest(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Buffer {
  const json = JSON.stringify(body);
  const all = { host: "127.0.0.1", "content-type": "application/json", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\n${lines.join("")}content-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
  );
}

/** Requests over kept connections, with as little work for each as can be: the load must not be what is measured. */
export function createLoadClient(port: number): LoadClient {
  const free: Socket<Line>[] = [];
  const all = new Set<Socket<Line>>();

  function finish(line: Line, result: LoadResult): void {
    const { done } = line;
    line.done = undefined;
    line.pending = "";
    done?.(result);
  }

  function connect(): Promise<Socket<Line>> {
    return Bun.connect<Line>({
      hostname: "127.0.0.1",
      port,
      data: { pending: "", sentAt: 0, due: 0, done: undefined },
      socket: {
        open(socket) {
          socket.setNoDelay(true);
          all.add(socket);
        },
        data(socket, chunk) {
          const line = socket.data;
          const text = line.pending + chunk.toString("latin1");
          if (!isComplete(text)) {
            line.pending = text;
            return;
          }
          free.push(socket);
          finish(line, resultOf(text, line));
        },
        close(socket) {
          all.delete(socket);
          const at = free.indexOf(socket);
          if (at !== -1) free.splice(at, 1);
          finish(socket.data, { ...resultOf("", socket.data), status: 0 });
        },
      },
    });
  }

  return {
    async send(bytes, due = performance.now()) {
      const socket = free.pop() ?? (await connect().catch(() => undefined));
      if (socket === undefined)
        return { status: 0, retryAfter: undefined, attempts: 0, ms: 0, sinceDueMs: performance.now() - due };
      const { promise, resolve } = Promise.withResolvers<LoadResult>();
      Object.assign(socket.data, { sentAt: performance.now(), due, done: resolve });
      socket.write(bytes);
      return promise;
    },
    close() {
      for (const socket of all) socket.terminate();
    },
  };
}

/** Starts `rate` pieces of work a second, evenly, for so many seconds, whatever becomes of them; waits for all in the end. */
export async function atRate(
  { rate, seconds }: { rate: number; seconds: number },
  work: (index: number, due: number) => Promise<void>,
): Promise<void> {
  const startedAt = performance.now();
  const total = Math.round(rate * seconds);
  const running: Promise<void>[] = [];
  while (running.length < total) {
    const now = performance.now();
    const dueCount = Math.min(total, Math.floor(((now - startedAt) / 1000) * rate) + 1);
    while (running.length < dueCount) {
      const index = running.length;
      running.push(work(index, startedAt + (index / rate) * 1000));
    }
    await Bun.sleep(2);
  }
  await Promise.all(running);
}
