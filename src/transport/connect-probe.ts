import { GatewayError } from "../errors.ts";
import { alarms as processAlarms, type Alarms } from "../lib/alarms.ts";
import type { Destination } from "./destination.ts";

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
const mostOrigins = 1000;

export interface ConnectProbe {
  /** The origin gave response headers lately. */
  isTrusted(destination: Destination): boolean;
  answered(destination: Destination): void;
  /** Starts watching one request's connection; the returned function ends the watch. */
  watch(destination: Destination, connectMs: number, onFail: (error: GatewayError) => void): () => void;
}

interface ProbeOptions {
  dial?: Dial;
  now?: () => number;
  alarms?: Alarms;
}

/**
 * `fetch` does not tell when its connection stands, and an upstream that thinks for a minute looks like one that is not
 * there. So a request to an origin that has not answered lately, and is quiet, is accompanied by a bare TCP connection:
 * when that one does not come to stand within the connect deadline, the request is given up.
 */
export function createConnectProbe(options: ProbeOptions = {}): ConnectProbe {
  const { dial = dialTcp, now = () => performance.now(), alarms = processAlarms } = options;
  const answeredAt = new Map<string, number>();

  return {
    isTrusted({ origin }) {
      const at = answeredAt.get(origin);
      return at !== undefined && now() - at < trustedForMs;
    },
    answered({ origin }) {
      if (answeredAt.size >= mostOrigins) answeredAt.clear();
      answeredAt.set(origin, now());
    },
    watch({ host, hostname, port }, connectMs, onFail) {
      const restMs = connectMs - Math.min(graceMs, connectMs / 2);
      let callOff = alarms.set(connectMs - restMs, () => {
        // Counted from the dial: a process that slept must not blame the network.
        callOff = alarms.set(restMs, () => {
          const message = `No connection to the upstream ${host} within ${connectMs} ms (timeouts.connect).`;
          onFail(new GatewayError({ code: "upstream_timeout", status: 504, message, retryable: true }));
        });
        // A refused dial says nothing that the request itself will not say better.
        dial({ hostname, port }).then(callOff, callOff);
      });
      return () => callOff();
    },
  };
}
