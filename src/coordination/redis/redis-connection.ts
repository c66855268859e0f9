import { within } from "../../lib/within.ts";
import { errorCode } from "../../lib/error-code.ts";
import { whyUnconnected } from "./why-unconnected.ts";

/** One connection to give commands and one that listens, born and closed together. */
export interface RedisConnection {
  /** Rejects with what the server or the driver says; has no time limit of its own. */
  send(command: string, words: string[]): Promise<unknown>;
  /** Listens by another connection from now on. Rejects where none can be made within two seconds: then nothing is heard. */
  listenAnew(): Promise<void>;
  close(): void;
}

export interface RedisConnectionOptions {
  readonly url: string;
  /** Heard for as long as it lasts. */
  readonly channel: string;
  readonly onMessage: (message: string) => void;
  /** Once; not for a connection that `close` ended. */
  readonly onClose: (reason: unknown) => void;
}

/** Longest wait for a connection. */
const connectMs = 1000;

/**
 * The driver is asked for nothing but one connection: by itself it would queue commands while there is none and send them
 * later, long after whoever asked has gone on, and would give up for good after half a minute.
 */
function clientOf(url: string): Bun.RedisClient {
  return new Bun.RedisClient(url, {
    connectionTimeout: connectMs,
    autoReconnect: false,
    maxRetries: 0,
    enableOfflineQueue: false,
  });
}

async function answered(work: Promise<unknown>): Promise<void> {
  if (!(await within(connectMs, work))) throw new Error("it does not answer");
}

/** What the driver means where it does not tell. */
async function explained(error: unknown, url: string): Promise<unknown> {
  const code = errorCode(error);
  if (!/CONNECTION|TIMEOUT/.test(code)) return error;
  return new Error(await whyUnconnected(url, connectMs), { cause: error });
}

/** Rejects where no connection can be made within two seconds, and a second later where it has to be asked why. */
export async function connectRedis(options: RedisConnectionOptions): Promise<RedisConnection> {
  const commands = clientOf(options.url);
  let news = clientOf(options.url);
  let isClosed = false;

  function close(): void {
    isClosed = true;
    commands.close();
    news.close();
  }

  /** Whoever was left for another connection is not missed. */
  function watch(client: Bun.RedisClient): void {
    const onclose = (reason: unknown): void => {
      if (isClosed || (client !== commands && client !== news)) return;
      close();
      options.onClose(reason);
    };
    // It is no event target: there is one listener, by this name.
    Object.assign(client, { onclose });
  }

  async function listen(): Promise<void> {
    const listening = news;
    await answered(listening.subscribe(options.channel, options.onMessage));
    watch(listening);
  }

  async function listenAnew(): Promise<void> {
    const lost = news;
    news = clientOf(options.url);
    lost.close();
    try {
      await answered(news.connect());
      await listen();
      if (isClosed) news.close();
    } catch (error) {
      news.close();
      throw error;
    }
  }

  try {
    await answered(Promise.all([commands.connect(), news.connect()]));
    await listen();
  } catch (error) {
    close();
    throw await explained(error, options.url);
  }
  watch(commands);
  return { send: (command, words) => commands.send(command, words), listenAnew, close };
}
