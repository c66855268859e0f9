import type { ProtocolName } from "../../src/config/protocol-names.ts";
import type { Exchange, ReceivedRequest } from "./exchange.ts";
import { askedIn, type Asked } from "./replay-asked.ts";
import { listenForReplay } from "./replay-connection.ts";
import { deliveryOf } from "./replay-delivery.ts";
import { endpointOf, type OtherEndpoint } from "./replay-endpoints.ts";
import { otherReply } from "./replay-others.ts";
import { play, sendWhole } from "./replay-play.ts";
import { scenarios, type Reply, type Scenario } from "./replay-scenarios.ts";
import { createThreads } from "./replay-threads.ts";
import { credentialViolations, playedRequest, violationsIn, wires } from "./replay-wires.ts";
import type { PlayedRequest } from "./wire/wire.ts";

export interface PlayedConversation {
  readonly protocol: ProtocolName;
  readonly model: string;
  readonly isStream: boolean;
  readonly asked: Asked;
  readonly played: PlayedRequest;
  /** The bytes, the times, and how it ended. */
  readonly received: ReceivedRequest;
}

export interface ReplayingUpstreamOptions {
  /** The key that the gateway must present, in each protocol's own header. */
  credential?: string;
}

/** One TCP server that speaks the upstream side of every protocol, each on its real paths, and checks what it is sent. */
export interface ReplayingUpstream extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`; OpenAI's API is below `/openai/v1`. */
  readonly origin: string;
  readonly conversations: readonly PlayedConversation[];
  readonly others: readonly { name: OtherEndpoint; model: string; received: ReceivedRequest }[];
  /** What the real upstreams would have refused, each with method and path. */
  readonly violations: readonly string[];
  /** A scenario of one's own, beside those of `replay-scenarios.ts`. */
  set(model: string, scenario: Scenario): void;
  /** In order of arrival; `--…` suffixes belong to the name. */
  of(model: string): PlayedConversation[];
  /** The first conversation, past or future, that satisfies the predicate. */
  waitFor(predicate: (conversation: PlayedConversation) => boolean): Promise<PlayedConversation>;
  connections(): number;
  clear(): void;
  close(): Promise<void>;
}

/** How the ids of a protocol's answers begin. */
const idPrefixes: Partial<Readonly<Record<ProtocolName, string>>> = {
  "openai-chat": "chatcmpl-",
  "openai-completions": "cmpl-",
  "openai-responses": "resp_",
  "anthropic-messages": "msg_",
};

function named(reply: Reply, { protocol, model }: PlayedConversation): Reply {
  if (reply.type === "refusal") return reply;
  const id = `${idPrefixes[protocol] ?? ""}${reply.script.id}`;
  return { ...reply, script: { ...reply.script, id, model } };
}

function createAudience() {
  const waiting = new Set<(conversation: PlayedConversation) => void>();
  return {
    tell(conversation: PlayedConversation) {
      for (const notify of waiting) notify(conversation);
    },
    waitFor(predicate: (conversation: PlayedConversation) => boolean): Promise<PlayedConversation> {
      const { promise, resolve } = Promise.withResolvers<PlayedConversation>();
      const notify = (conversation: PlayedConversation) => {
        if (!predicate(conversation)) return;
        waiting.delete(notify);
        resolve(conversation);
      };
      waiting.add(notify);
      return promise;
    },
  };
}

export async function createReplayingUpstream(options: ReplayingUpstreamOptions = {}): Promise<ReplayingUpstream> {
  const conversations: PlayedConversation[] = [];
  const others: { name: OtherEndpoint; model: string; received: ReceivedRequest }[] = [];
  const violations: string[] = [];
  const own = new Map<string, Scenario>();
  const audience = createAudience();
  const threads = createThreads();

  function complain(request: ReceivedRequest, found: readonly string[]): void {
    violations.push(...found.map((text) => `${request.method} ${request.target}: ${text}`));
  }
  function converse(exchange: Exchange, protocol: ProtocolName, model: string): Promise<void> {
    const { request } = exchange;
    const wire = wires[protocol];
    const received = playedRequest(request);
    const body = protocol === "anthropic-messages" ? threads.whole(received.body) : received.body;
    const played = { ...received, body };
    complain(request, violationsIn(protocol, played));
    const conversation = {
      protocol,
      model,
      isStream: wire.wantsStream(played),
      asked: askedIn(protocol, played),
      played,
      received: request,
    };
    conversations.push(conversation);
    audience.tell(conversation);
    const [name = "", suffix] = model.split("--");
    const scenario = own.get(model) ?? scenarios[name];
    const { isStream, asked } = conversation;
    const stage = { exchange, wire, isStream, delivery: deliveryOf(suffix) };
    if (scenario === undefined) return play(stage, { type: "refusal", status: 404, message: `no scenario '${name}'` });
    const reply = named(scenario(asked), conversation);
    if (reply.type === "answer" && protocol === "anthropic-messages") {
      const { id, content } = JSON.parse(wire.whole(reply.script).body) as { id: string; content: unknown };
      threads.keep(body, { id, content });
    }
    return play(stage, reply);
  }
  function answer(exchange: Exchange): Promise<void> | void {
    const { request } = exchange;
    const endpoint = endpointOf(request);
    if (endpoint === undefined) {
      complain(request, ["there is nothing at this path"]);
      return sendWhole(exchange, {
        status: 404,
        contentType: "application/json",
        body: '{"error":{"message":"Not Found"}}',
      });
    }
    complain(request, credentialViolations(request, options.credential));
    if (endpoint.kind === "conversation") return converse(exchange, endpoint.protocol, endpoint.model);
    others.push({ name: endpoint.name, model: endpoint.model, received: request });
    const reply = otherReply(endpoint.name, request);
    complain(request, reply.violations);
    return sendWhole(exchange, { status: 200, ...reply });
  }

  const listener = await listenForReplay(answer);
  return {
    origin: listener.origin,
    conversations,
    others,
    violations,
    set: (model, scenario) => void own.set(model, scenario),
    of: (model) => conversations.filter((conversation) => conversation.model === model),
    waitFor(predicate) {
      const past = conversations.find(predicate);
      return past === undefined ? audience.waitFor(predicate) : Promise.resolve(past);
    },
    connections: () => listener.connections(),
    clear() {
      own.clear();
      conversations.length = 0;
      others.length = 0;
      violations.length = 0;
    },
    close: () => listener.close(),
    [Symbol.asyncDispose]: () => listener.close(),
  };
}
