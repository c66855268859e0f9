import { createServer, type AddressInfo, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { certificate, privateKey } from "./certificate.ts";
import { createExchange, type Behaviour, type Exchange, type ReceivedRequest } from "./exchange.ts";
import { takeRequest, type WireRequest } from "./http-request.ts";
import { modelList, ordinaryReply, failure } from "./replies.ts";
import { violationsOf } from "./request-check.ts";

export interface FakeUpstreamOptions {
  /** Keys that are right; any other is recorded as a violation. Default: any. */
  credentials?: readonly string[];
  /** Texts that must not be found in anything a gateway sends. */
  secrets?: readonly string[];
  /** Answers `GET …/models`. */
  models?: Behaviour;
  /** Speaks HTTPS with the test certificate. */
  tls?: boolean;
}

/** A real TCP server that behaves like OpenRouter's chat API, and remembers and checks what it was sent. */
export interface FakeUpstream {
  /** Base URL with the version path, as `OR_BASE_URL` wants it. */
  readonly url: string;
  /** Every chat request, in order of arrival. */
  readonly requests: readonly ReceivedRequest[];
  /** Requests for anything else than chat, e.g. the model list. */
  readonly others: readonly ReceivedRequest[];
  /** What was wrong with what it received. */
  readonly violations: readonly string[];
  /** Open connections now. */
  connections(): number;
  /** Behaviour for one model name; of a list each is used once, the last one for ever. */
  set(model: string, behaviour: Behaviour | readonly Behaviour[]): void;
  /** Behaviour for all other model names. */
  otherwise(behaviour: Behaviour): void;
  of(model: string): ReceivedRequest[];
  /** How many chat requests are still being answered. */
  running(): number;
  /** The first chat request, past or future, that satisfies the predicate. */
  waitFor(predicate: (request: ReceivedRequest) => boolean): Promise<ReceivedRequest>;
  clear(): void;
  close(): Promise<void>;
}

/** Reads requests off one connection, one at a time, and gives each to `answer`. */
function serveConnection(socket: Socket, answer: (exchange: Exchange) => void | Promise<void>): void {
  let pending: Buffer = Buffer.alloc(0);
  let current: (Exchange & { peerLeft(): void }) | undefined;
  const next = () => {
    if (current !== undefined) return;
    const taken = takeRequest(pending);
    if (taken === undefined) return;
    pending = taken.rest;
    const exchange = createExchange(socket, taken.request, () => {
      current = undefined;
      next();
    });
    current = exchange;
    void Promise.resolve(answer(exchange)).catch((error: unknown) => {
      console.error("fake upstream:", error);
      exchange.cut("rst");
    });
  };
  socket.setNoDelay(true);
  socket.on("data", (bytes: Buffer) => {
    pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
    next();
  });
  const left = () => current?.peerLeft();
  socket.on("end", left);
  socket.on("close", left);
  socket.on("error", left);
}

function createBehaviours() {
  const byModel = new Map<string, Behaviour[]>();
  let fallback: Behaviour = ordinaryReply();
  return {
    set(model: string, behaviour: Behaviour | readonly Behaviour[]) {
      byModel.set(model, typeof behaviour === "function" ? [behaviour] : [...behaviour]);
    },
    otherwise(behaviour: Behaviour) {
      fallback = behaviour;
    },
    next(model: string): Behaviour {
      const queue = byModel.get(model);
      if (queue === undefined) return fallback;
      return (queue.length > 1 ? queue.shift() : queue[0]) ?? fallback;
    },
    clear() {
      byModel.clear();
      fallback = ordinaryReply();
    },
  };
}

export async function createFakeUpstream(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const requests: ReceivedRequest[] = [];
  const others: ReceivedRequest[] = [];
  const violations: string[] = [];
  const sockets = new Set<Socket>();
  const waiting = new Set<(request: ReceivedRequest) => void>();
  const behaviours = createBehaviours();
  let host = "";

  function check(request: WireRequest): void {
    const rules = { credentials: options.credentials, secrets: options.secrets ?? [], host };
    violations.push(...violationsOf(request, rules));
  }
  function answer(exchange: Exchange): void | Promise<void> {
    const { request } = exchange;
    check(request);
    if (request.method === "POST" && request.path === "/api/v1/chat/completions") {
      requests.push(request);
      for (const notify of waiting) notify(request);
      return behaviours.next(request.model)(exchange);
    }
    others.push(request);
    if (request.method === "GET" && request.path === "/api/v1/models") return (options.models ?? modelList())(exchange);
    return failure(404, { message: "Not Found" })(exchange);
  }

  const connected = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    serveConnection(socket, answer);
  };
  const server =
    options.tls === true ? createTlsServer({ cert: certificate, key: privateKey }, connected) : createServer(connected);
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url: `${options.tls === true ? "https" : "http"}://${host}/api/v1`,
    requests,
    others,
    violations,
    connections: () => sockets.size,
    set: (model, behaviour) => behaviours.set(model, behaviour),
    otherwise: (behaviour) => behaviours.otherwise(behaviour),
    running: () => requests.filter((request) => !request.hasEnded()).length,
    of: (model) => requests.filter((request) => request.model === model),
    waitFor(predicate) {
      const past = requests.find(predicate);
      if (past !== undefined) return Promise.resolve(past);
      const { promise, resolve: found } = Promise.withResolvers<ReceivedRequest>();
      const notify = (request: ReceivedRequest) => {
        if (!predicate(request)) return;
        waiting.delete(notify);
        found(request);
      };
      waiting.add(notify);
      return promise;
    },
    clear() {
      behaviours.clear();
      requests.length = 0;
      others.length = 0;
      violations.length = 0;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      const { promise: closed, resolve: done } = Promise.withResolvers<void>();
      server.close(() => done());
      await closed;
    },
  };
}
