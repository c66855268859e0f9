import { GatewayError } from "../../errors.ts";
import { errorCode } from "../../lib/error-code.ts";
import { errorText } from "../../lib/error-text.ts";
import type { CoordinatorState } from "../coordinator.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { createPatience } from "./patience.ts";
import { connectRedis, type RedisConnection } from "./redis-connection.ts";

/** A Redis that may go and come: whoever asks it never waits long. */
export interface RedisLink {
  /**
   * Rejects with GatewayError (503, retryable) at once while it is away, and after the timeout when it has just gone; then
   * the command may still be carried out. It is never sent again. Errors that the server itself answers pass as they are;
   * then it is asked for the probe, and is away where it refuses that too.
   */
  send(command: string, words: string[]): Promise<unknown>;
  state(): CoordinatorState;
  /** Told also when messages are heard again that were not for a while. */
  onState(listener: (state: CoordinatorState) => void): () => void;
  close(): void;
}

export interface RedisLinkOptions {
  readonly url: string;
  /** As it may be shown. */
  readonly address: string;
  readonly timeoutMs: number;
  readonly channel: string;
  /** Nobody says an empty one but those who try whether they are heard. */
  readonly onMessage: (message: string) => void;
  /** Answered by a server that does what it is there for: one that is full or read-only still answers PING. */
  readonly probe: () => RedisCommand;
}

export interface RedisCommand {
  readonly command: string;
  readonly words: string[];
}

/** Between two tries to connect. */
const retryMs = 250;
/** A connection that is silent for so long is given up for a new one. */
const silentMs = 2000;

const up: CoordinatorState = { isUp: true, problem: undefined };

/** What stands in the URL is never shown. */
function reasonOf(error: unknown): string {
  const code = errorCode(error);
  if (/CONNECTION|TIMEOUT/.test(code)) return "the connection was closed";
  // The probe's script and line say nothing to anybody.
  const text = errorText(error).replace(/\.? script: .*$/s, "");
  return text.slice(0, 200).replace(/\.$/, "");
}

export function createRedisLink(options: RedisLinkOptions): RedisLink {
  const { url, address, timeoutMs, channel } = options;
  const listeners = new Set<(state: CoordinatorState) => void>();
  const patience = createPatience(timeoutMs);
  const heartbeat = createHeartbeat({ beat: () => send("PUBLISH", [channel, ""]), listenAnew });
  let connection: RedisConnection | undefined;
  let state: CoordinatorState = down("no connection has been made yet");
  let timer: Timer | undefined;
  let isDoubted = false;
  let isClosed = false;

  function down(reason: string): CoordinatorState {
    return { isUp: false, problem: `Redis at ${address} cannot be used: ${reason}.` };
  }

  function become(next: CoordinatorState): void {
    const isChange = next.isUp !== state.isUp;
    state = next;
    if (isChange) tell();
  }

  function tell(): void {
    for (const listener of listeners) listener(state);
  }

  function onMessage(message: string): void {
    heartbeat.heard();
    options.onMessage(message);
  }

  function unavailable(cause?: unknown): GatewayError {
    const message = state.problem ?? `Redis at ${address} does not answer.`;
    return new GatewayError({ code: "overloaded", status: 503, message, retryable: true, retryAfterSeconds: 1, cause });
  }

  async function connect(): Promise<void> {
    try {
      const opened = await connectRedis({ url, channel, onMessage, onClose: lost });
      if (isClosed) return opened.close();
      connection = opened;
      await probe(opened);
    } catch (error) {
      lost(error);
    }
  }

  /** Decisions go on meanwhile. */
  async function listenAnew(): Promise<void> {
    const deaf = connection;
    await deaf?.listenAnew();
    if (connection === deaf && state.isUp) tell();
  }

  function lost(error: unknown): void {
    connection?.close();
    connection = undefined;
    become(down(reasonOf(error)));
    clearTimeout(timer);
    if (!isClosed) timer = setTimeout(() => void connect(), retryMs);
  }

  /** Its answer comes after those to all that was sent before. */
  async function probe(probed: RedisConnection): Promise<void> {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (connection === probed) lost(new Error("it does not answer"));
    }, silentMs);
    try {
      const { command, words } = options.probe();
      await probed.send(command, words);
      if (connection !== probed) return;
      clearTimeout(timer);
      become(up);
    } catch (error) {
      if (connection === probed) lost(error);
    }
  }

  /** The first command without an answer in time spares all others the wait. */
  function fellSilent(silent: RedisConnection): void {
    if (connection !== silent || !state.isUp) return;
    become(down(`no answer within ${timeoutMs} ms`));
    void probe(silent);
  }

  /** It may be this command alone that it will not carry out. */
  async function refusedBy(doubted: RedisConnection): Promise<void> {
    if (isDoubted || connection !== doubted || !state.isUp) return;
    isDoubted = true;
    await probe(doubted);
    isDoubted = false;
  }

  /** An answer that comes later is not read any more. */
  async function answered(used: RedisConnection, reply: Promise<unknown>): Promise<unknown> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const callOff = patience.wait(() => {
      fellSilent(used);
      reject(unavailable());
    });
    try {
      return await Promise.race([reply, late]);
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      if (!isServerAnswer(error)) throw unavailable(error);
      if (!isMissingScript(error)) void refusedBy(used);
      throw error;
    } finally {
      callOff();
    }
  }

  function send(command: string, words: string[]): Promise<unknown> {
    if (connection === undefined || !state.isUp) return Promise.reject(unavailable());
    return answered(connection, connection.send(command, words));
  }

  void connect();

  return {
    send,
    state: () => state,
    onState(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      isClosed = true;
      heartbeat.stop();
      clearTimeout(timer);
      connection?.close();
      connection = undefined;
      state = down("it was closed");
    },
  };
}

/** A server that has just been started knows no script: it is told. */
export function isMissingScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

/** An error that the server itself has sent: it answers. */
function isServerAnswer(error: unknown): boolean {
  return errorCode(error) === "ERR_REDIS_SERVER_ERROR";
}
