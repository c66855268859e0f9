import type { ProtocolName } from "../../src/config/protocol-names.ts";
import type { Exchange, ReceivedRequest } from "./exchange.ts";
import { faultNamed } from "./fault-list.ts";
import { createScene, sendBody } from "./fault-scene.ts";
import { faultProtocols, type FaultProtocol } from "./fault-wire.ts";
import { listenForReplay } from "./replay-connection.ts";
import { endpointOf } from "./replay-endpoints.ts";
import { playedRequest, wires } from "./replay-wires.ts";

/** One request as the fault upstream saw it. */
export interface FaultedRequest {
  /** As asked: `fault:<id>[:argument…][~anything]`. */
  readonly model: string;
  readonly fault: string;
  readonly protocol: FaultProtocol;
  readonly isStream: boolean;
  /** The key it came with, empty when there was none. */
  readonly credential: string;
  /** Method, path, body, times, and how it ended; `abortedAt` is when the gateway closed the connection. */
  readonly received: ReceivedRequest;
  /** `performance.now()` from which on the gateway could know that it is over with this answer. */
  markedAt: number | undefined;
}

/** A TCP server whose model names say how it fails, in the words of every protocol, each on its real paths. */
export interface FaultUpstream extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`; OpenAI's API is below `/openai/v1`. */
  readonly origin: string;
  readonly requests: readonly FaultedRequest[];
  /** Requests that are no conversation, e.g. for a list of models. */
  readonly others: readonly ReceivedRequest[];
  /** In order of arrival. */
  of(model: string): readonly FaultedRequest[];
  /** Answers that are under way now. */
  running(): number;
  connections(): number;
  /** Settles when no answer is under way. */
  idle(): Promise<void>;
  /** The first request, past or future, that satisfies the predicate. */
  waitFor(predicate: (request: FaultedRequest) => boolean): Promise<FaultedRequest>;
  clear(): void;
  close(): Promise<void>;
}

export interface FaultUpstreamOptions {
  /** Keys for which everything is well, whatever fault the model's name asks for. */
  goodCredentials?: readonly string[];
}

/** The name of a model that fails so; `tag` makes it one of its own. */
export function faultModel(fault: string, tag = ""): string {
  return `fault:${fault}${tag === "" ? "" : `~${tag}`}`;
}

function readFault(model: string): { id: string; args: string[] } {
  const [name = ""] = model.split("~");
  const [prefix, id = "good", ...args] = name.split(":");
  return prefix === "fault" ? { id, args } : { id: "good", args: [] };
}

function credentialOf({ headers }: ReceivedRequest): string {
  const bearer = /^Bearer (\S+)$/.exec(headers["authorization"] ?? "")?.[1];
  return headers["x-api-key"] ?? headers["x-goog-api-key"] ?? bearer ?? "";
}

function isFaultProtocol(protocol: ProtocolName): protocol is FaultProtocol {
  return (faultProtocols as readonly ProtocolName[]).includes(protocol);
}

/** Wakes whoever waits for a request or for quiet. */
function createAudience() {
  const waiting = new Set<(request: FaultedRequest) => void>();
  let running = 0;
  let quiet: PromiseWithResolvers<void> | undefined;
  return {
    running: () => running,
    async follow(request: FaultedRequest): Promise<void> {
      running += 1;
      for (const notify of waiting) notify(request);
      await request.received.ended;
      running -= 1;
      if (running > 0) return;
      quiet?.resolve();
      quiet = undefined;
    },
    idle(): Promise<void> {
      if (running === 0) return Promise.resolve();
      quiet ??= Promise.withResolvers<void>();
      return quiet.promise;
    },
    waitFor(predicate: (request: FaultedRequest) => boolean): Promise<FaultedRequest> {
      const { promise, resolve } = Promise.withResolvers<FaultedRequest>();
      const notify = (request: FaultedRequest) => {
        if (!predicate(request)) return;
        waiting.delete(notify);
        resolve(request);
      };
      waiting.add(notify);
      return promise;
    },
  };
}

export async function createFaultUpstream(options: FaultUpstreamOptions = {}): Promise<FaultUpstream> {
  const requests: FaultedRequest[] = [];
  const byModel = new Map<string, FaultedRequest[]>();
  const others: ReceivedRequest[] = [];
  const audience = createAudience();

  function keep(request: FaultedRequest): void {
    requests.push(request);
    const same = byModel.get(request.model);
    if (same === undefined) byModel.set(request.model, [request]);
    else same.push(request);
    void audience.follow(request);
  }

  function converse(exchange: Exchange, protocol: FaultProtocol, model: string): void | Promise<void> {
    const { id, args } = readFault(model);
    const credential = credentialOf(exchange.request);
    const isStream = wires[protocol].wantsStream(playedRequest(exchange.request));
    const request: FaultedRequest = {
      model,
      fault: id,
      protocol,
      isStream,
      credential,
      received: exchange.request,
      markedAt: undefined,
    };
    keep(request);
    const isForgiven = options.goodCredentials?.includes(credential) === true;
    const fault = faultNamed(isForgiven ? "good" : id);
    if (fault === undefined) throw new Error(`there is no fault ${id}`);
    const kind = fault.isGood ? "good" : "rotten";
    const mark = () => void (request.markedAt = performance.now());
    return fault.play(createScene(exchange, { protocol, isStream, model, args, credential, kind }, mark));
  }

  function answer(exchange: Exchange): void | Promise<void> {
    const endpoint = endpointOf(exchange.request);
    if (endpoint?.kind === "conversation" && isFaultProtocol(endpoint.protocol))
      return converse(exchange, endpoint.protocol, endpoint.model);
    others.push(exchange.request);
    return sendBody({ exchange }, { body: '{"object":"list","data":[],"models":[]}' });
  }

  const listener = await listenForReplay(answer);
  return {
    origin: listener.origin,
    requests,
    others,
    of: (model) => byModel.get(model) ?? [],
    running: () => audience.running(),
    connections: () => listener.connections(),
    idle: () => audience.idle(),
    waitFor(predicate) {
      const past = requests.find(predicate);
      return past === undefined ? audience.waitFor(predicate) : Promise.resolve(past);
    },
    clear() {
      requests.length = 0;
      others.length = 0;
      byModel.clear();
    },
    close: () => listener.close(),
    [Symbol.asyncDispose]: () => listener.close(),
  };
}
