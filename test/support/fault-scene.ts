import type { Exchange } from "./exchange.ts";
import {
  commentOf,
  errorBodyOf,
  errorEventOf,
  failedEventOf,
  eventParts,
  scriptOf,
  type EventParts,
  type FaultProtocol,
} from "./fault-wire.ts";
import { wires } from "./replay-wires.ts";

/** One request that is about to be answered badly. */
export interface Scene {
  readonly exchange: Exchange;
  readonly protocol: FaultProtocol;
  readonly isStream: boolean;
  /** What stands behind the fault's name, e.g. a status. */
  readonly args: readonly string[];
  /** What went wrong, in words; quotes the credential, as careless upstreams do. */
  readonly message: string;
  /** The answer as a stream and in one piece. */
  readonly parts: EventParts;
  readonly whole: { contentType: string; body: string };
  /** From now on the other side can know that it is over with this answer. */
  mark(): void;
}

export type Fault = (scene: Scene) => void | Promise<void>;

export interface SceneFacts {
  protocol: FaultProtocol;
  isStream: boolean;
  model: string;
  args: readonly string[];
  credential: string;
  kind: "good" | "rotten";
}

export function createScene(exchange: Exchange, about: SceneFacts, mark: () => void): Scene {
  const { protocol, isStream, model, args, credential, kind } = about;
  const script = scriptOf(protocol, model, kind);
  return {
    exchange,
    protocol,
    isStream,
    args,
    message: `Rotten luck (${args.join(" ") || "no more is known"}), asked with ${credential || "no key"}.`,
    parts: eventParts(protocol, script),
    whole: wires[protocol].whole(script),
    mark,
  };
}

/** Begins an answer as a healthy target does. */
export function begin(
  { exchange, isStream, parts, whole }: Scene,
  headers: Readonly<Record<string, string>> = {},
  framing: "chunked" | "close" | "length" = "chunked",
): void {
  const type = isStream ? parts.contentType : whole.contentType;
  exchange.start({ framing, headers: { "content-type": type, ...headers } });
}

export function writeAll({ exchange }: Scene, pieces: readonly (string | Uint8Array)[]): void {
  for (const piece of pieces) exchange.write(piece);
}

/** The first half of an answer: of a stream all before its first content and two pieces of that. */
export function firstHalf({ isStream, parts, whole }: Scene): string[] {
  if (isStream) return [...parts.preamble, ...parts.content.slice(0, 2)];
  const bytes = whole.body;
  return [bytes.slice(0, Math.floor(bytes.length / 2))];
}

/** All of an answer, in the pieces in which it is flushed. */
export function allOf({ isStream, parts, whole }: Scene): string[] {
  return isStream ? [...parts.preamble, ...parts.content, ...parts.ending] : [whole.body];
}

/** A body of known length. */
export function sendBody(
  { exchange }: Pick<Scene, "exchange">,
  reply: { status?: number; headers?: Readonly<Record<string, string>>; body: string | Uint8Array },
): void {
  const bytes = typeof reply.body === "string" ? Buffer.from(reply.body) : reply.body;
  const headers = { "content-type": "application/json", ...reply.headers, "content-length": String(bytes.length) };
  exchange.start({ status: reply.status ?? 200, headers, framing: "length" });
  exchange.write(bytes);
  exchange.end();
}

/** What was written before has been read by then, so that what comes next comes behind it for certain. */
export async function settled({ exchange }: Scene): Promise<void> {
  await exchange.drained();
  await exchange.pause(50);
}

/** Keeps the line alive without an end, until the other side leaves. */
export async function keepAlive({ exchange, protocol }: Scene): Promise<void> {
  while (!exchange.hasEnded()) {
    exchange.write(commentOf(protocol));
    await exchange.pause(50);
  }
}

export function errorBody(scene: Scene, status: number, more: Record<string, unknown> = {}): string {
  return JSON.stringify(errorBodyOf(scene.protocol, { status, message: scene.message, more }));
}

export function errorEvent(scene: Scene): string {
  return errorEventOf(scene.protocol, Number(scene.args[0] ?? 500), scene.message);
}

export function failedEvent(scene: Scene): string {
  return failedEventOf(scene.protocol, Number(scene.args[0] ?? 500), scene.message);
}
