// Load in a process of its own: `load.ts <kind> <options as JSON>`; prints its result as one line of JSON.
//   closed   keeps `connections` requests in flight for `seconds`
//   streams  opens `connections` streams over `rampMs` and counts what comes in a window of `seconds`
import type { Socket } from "bun";
import { cpuMs } from "./process.ts";

export interface LoadOptions {
  /** `http://127.0.0.1:PORT/v1/chat/completions`. */
  url: string;
  body: string;
  key: string;
  connections: number;
  seconds: number;
  /** Streams are opened evenly over this time. */
  rampMs?: number;
  /** Whose CPU time is read at both ends of the window. */
  pid?: number;
}

export interface ClosedResult {
  requests: number;
  seconds: number;
  errors: number;
  cpuMs: number;
  p50Us: number;
  p99Us: number;
}

export interface StreamsResult {
  frames: number;
  seconds: number;
  cpuMs: number;
  open: number;
  failed: number;
}

function requestBytes({ url, body, key }: LoadOptions): Buffer {
  const { host, pathname } = new URL(url);
  const head = `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\nauthorization: Bearer ${key}\r\n`;
  return Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

const cpuOf = (pid: number | undefined) => (pid === undefined ? 0 : cpuMs(pid));

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Whether the bytes so far hold a whole response; both framings that a proxy may choose. */
function isComplete(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const length = /content-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
  return length === undefined ? text.endsWith("\r\n0\r\n\r\n") : text.length >= end + 4 + Number(length);
}

async function closedLoop(options: LoadOptions): Promise<ClosedResult> {
  const bytes = requestBytes(options);
  const { hostname, port } = new URL(options.url);
  const latencies = new Float64Array(2_000_000);
  const counts = { requests: 0, errors: 0, isOver: false };
  interface Client {
    sentAt: number;
    pending: string;
  }
  const send = (socket: Socket<Client>) => {
    socket.data.sentAt = performance.now();
    socket.write(bytes);
  };
  const sockets = await Promise.all(
    Array.from({ length: options.connections }, () =>
      Bun.connect<Client>({
        hostname,
        port: Number(port),
        data: { sentAt: 0, pending: "" },
        socket: {
          open: (socket) => void socket.setNoDelay(true),
          data(socket, chunk) {
            const { data } = socket;
            const text = data.pending + chunk.toString("latin1");
            if (!isComplete(text)) {
              data.pending = text;
              return;
            }
            data.pending = "";
            latencies[counts.requests] = performance.now() - data.sentAt;
            counts.requests += 1;
            if (!text.startsWith("HTTP/1.1 200")) counts.errors += 1;
            if (!counts.isOver) send(socket);
          },
          close: () => void (counts.isOver || (counts.errors += 1)),
        },
      }),
    ),
  );
  const cpuBefore = cpuOf(options.pid);
  const startedAt = performance.now();
  for (const socket of sockets) send(socket);
  await Bun.sleep(options.seconds * 1000);
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = cpuOf(options.pid) - cpuBefore;
  counts.isOver = true;
  const sorted = latencies.subarray(0, counts.requests).slice().sort();
  for (const socket of sockets) socket.end();
  const [p50Us, p99Us] = [quantile(sorted, 0.5) * 1000, quantile(sorted, 0.99) * 1000];
  return { requests: counts.requests, seconds, errors: counts.errors, cpuMs: cpu, p50Us, p99Us };
}

/** Opens streams that never end within the window; what arrives is counted by its blank lines and not looked at. */
async function openStreams(options: LoadOptions) {
  const bytes = requestBytes(options);
  const { hostname, port } = new URL(options.url);
  const counts = { frames: 0, open: 0, failed: 0, isOver: false };
  const sockets: Socket<{ isStarted: boolean }>[] = [];
  for (let index = 0; index < options.connections; index += 1) {
    const socket = await Bun.connect<{ isStarted: boolean }>({
      hostname,
      port: Number(port),
      data: { isStarted: false },
      socket: {
        open(opened) {
          opened.setNoDelay(true);
          opened.write(bytes);
        },
        data(opened, chunk) {
          if (!opened.data.isStarted) {
            opened.data.isStarted = true;
            if (chunk.toString("latin1", 9, 12) === "200") counts.open += 1;
            else counts.failed += 1;
          }
          for (let at = chunk.indexOf("\n\n"); at !== -1; at = chunk.indexOf("\n\n", at + 2)) counts.frames += 1;
        },
        close: () => void (counts.isOver || (counts.failed += 1)),
      },
    });
    sockets.push(socket);
    await Bun.sleep((options.rampMs ?? 0) / options.connections);
  }
  return { counts, sockets };
}

async function streams(options: LoadOptions): Promise<StreamsResult> {
  const { counts, sockets } = await openStreams(options);
  await Bun.sleep(500);
  const framesBefore = counts.frames;
  const cpuBefore = cpuOf(options.pid);
  const startedAt = performance.now();
  await Bun.sleep(options.seconds * 1000);
  const cpu = cpuOf(options.pid) - cpuBefore;
  const frames = counts.frames - framesBefore;
  const seconds = (performance.now() - startedAt) / 1000;
  counts.isOver = true;
  for (const socket of sockets) socket.terminate();
  return { frames, seconds, cpuMs: cpu, open: counts.open, failed: counts.failed };
}

async function main(): Promise<void> {
  const [kind, text = "{}"] = Bun.argv.slice(2);
  const options = JSON.parse(text) as LoadOptions;
  const result = kind === "closed" ? await closedLoop(options) : await streams(options);
  console.log(JSON.stringify(result));
  process.exit(0);
}

if (import.meta.main) await main();
