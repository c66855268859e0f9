/** One connection to give commands and one that hears, born and closed together. */
export interface RedisConnection {
  /** Rejects with what the server or the driver says; has no time limit of its own. */
  send(command: string, words: string[]): Promise<unknown>;
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

async function within<Answer>(milliseconds: number, work: Promise<Answer>): Promise<Answer> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("it does not answer")), milliseconds);
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Rejects where no connection can be made within two seconds. */
export async function connectRedis(options: RedisConnectionOptions): Promise<RedisConnection> {
  const commands = clientOf(options.url);
  const news = clientOf(options.url);
  let isClosed = false;

  function close(): void {
    isClosed = true;
    commands.close();
    news.close();
  }

  function onClose(reason: unknown): void {
    if (isClosed) return;
    close();
    options.onClose(reason);
  }

  try {
    await within(connectMs, Promise.all([commands.connect(), news.connect()]));
    await within(connectMs, news.subscribe(options.channel, options.onMessage));
  } catch (error) {
    close();
    throw error;
  }
  // It is no event target: there is one listener, by this name.
  for (const client of [commands, news]) Object.assign(client, { onclose: onClose });
  return { send: (command, words) => commands.send(command, words), close };
}
