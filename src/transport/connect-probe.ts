import { GatewayError } from "../errors.ts";

/** Opens a TCP connection and closes it again; rejects when it cannot. Never settles on its own while the network is silent. */
export type Dial = (address: { hostname: string; port: number }) => Promise<void>;

export async function dialTcp({ hostname, port }: { hostname: string; port: number }): Promise<void> {
  const socket = await Bun.connect({ hostname, port, socket: { data: () => undefined, error: () => undefined } });
  socket.end();
}

/** An origin that answered this recently needs no second look. */
const trustedForMs = 30_000;
/** Most answers, and every refused connection, are quicker than this. */
const graceMs = 250;

export interface ConnectProbe {
  /** Starts watching one request's connection; the returned function ends the watch. */
  watch(url: URL, connectMs: number, onFail: (error: GatewayError) => void): () => void;
  /** The origin gave response headers. */
  answered(url: URL): void;
}

/**
 * `fetch` does not tell when its connection stands, and an upstream that thinks for a minute looks like one that is not
 * there. So a request to an origin that has not answered lately, and is quiet, is accompanied by a bare TCP connection:
 * when that one does not come to stand within the connect deadline, the request is given up.
 */
export function createConnectProbe(dial: Dial = dialTcp, now: () => number = () => performance.now()): ConnectProbe {
  const answeredAt = new Map<string, number>();

  function isTrusted(origin: string): boolean {
    const at = answeredAt.get(origin);
    return at !== undefined && now() - at < trustedForMs;
  }

  return {
    answered(url) {
      if (answeredAt.size > 1000) answeredAt.clear();
      answeredAt.set(url.origin, now());
    },
    watch(url, connectMs, onFail) {
      if (isTrusted(url.origin)) return () => undefined;
      let isOver = false;
      const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
      const hostname = url.hostname.replace(/^\[|\]$/g, "");
      const deadline = setTimeout(() => {
        if (isOver || !hasDialled) return;
        isOver = true;
        const message = `No connection to the upstream ${url.host} within ${connectMs} ms.`;
        onFail(new GatewayError({ code: "upstream_timeout", status: 504, message, retryable: true }));
      }, connectMs);
      let hasDialled = false;
      const grace = setTimeout(
        () => {
          hasDialled = true;
          // A refused dial says nothing that the request itself will not say better.
          dial({ hostname, port }).then(
            () => (isOver = true),
            () => (isOver = true),
          );
        },
        Math.min(graceMs, connectMs / 2),
      );
      return () => {
        isOver = true;
        clearTimeout(deadline);
        clearTimeout(grace);
      };
    },
  };
}
