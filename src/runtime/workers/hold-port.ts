import { apiListenFailure } from "../server.ts";

/** A port that nobody else has, until it is let go for the workers. */
export interface HeldPort {
  readonly port: number;
  release(): Promise<void>;
}

/**
 * Takes the port for this gateway alone. Workers listen with `reusePort`, which would as gladly share the port with a
 * gateway that somebody started before, and requests would be divided among the two: that one is found out here. Throws an
 * Error for people.
 */
export function holdPort({ host, port }: { host: string; port: number }): HeldPort {
  try {
    const server = Bun.serve({
      hostname: host,
      port,
      reusePort: false,
      development: false,
      fetch: () => new Response("The gateway is starting.\n", { status: 503, headers: { connection: "close" } }),
    });
    return { port: server.port ?? port, release: () => server.stop(true) };
  } catch (error) {
    throw apiListenFailure(error, { host, port });
  }
}
