import { alarms, type Alarms } from "../../lib/alarms.ts";

/** Finds out that nothing is heard any more: a connection that only listens learns of no firewall that drops what it carries. */
export interface Heartbeat {
  /** Something was heard, whatever it was. */
  heard(): void;
  stop(): void;
}

export interface HeartbeatOptions {
  /** Sends what will be heard here; rejects where it cannot be sent. */
  readonly beat: () => Promise<unknown>;
  /** Beats were sent and not heard: listens by another connection. Rejects where none can be had, and is called again soon. */
  readonly listenAnew: () => Promise<void>;
  readonly after?: Alarms["set"] | undefined;
  readonly random?: (() => number) | undefined;
}

const beatMs = 800;
/** So much more or less: gateways that lost the same firewall do not all come back at once. */
const jitter = 0.2;
/** Beats that are missed before another connection is made. */
const mostUnheard = 2;

/** Whoever hears anything, another gateway's beat too, sends none: many that listen to one channel beat little more than one does. */
export function createHeartbeat({ beat, listenAnew, ...options }: HeartbeatOptions): Heartbeat {
  const { after = (milliseconds, ring) => alarms.set(milliseconds, ring), random = Math.random } = options;
  let unheard = 0;
  let isQuiet = true;
  let isStopped = false;
  let callOff: (() => void) | undefined;

  async function sendBeat(): Promise<void> {
    unheard += 1;
    try {
      await beat();
    } catch {
      // What was not sent is not missed.
      unheard = 0;
    }
  }

  async function recover(): Promise<void> {
    try {
      await listenAnew();
      unheard = 0;
    } catch {
      // The next turn tries again.
    }
  }

  async function turn(): Promise<void> {
    if (unheard >= mostUnheard) await recover();
    else if (isQuiet) await sendBeat();
    else isQuiet = true;
    wait();
  }

  function wait(): void {
    if (!isStopped) callOff = after(beatMs * (1 + jitter * (2 * random() - 1)), () => void turn());
  }

  wait();
  return {
    heard() {
      unheard = 0;
      isQuiet = false;
    },
    stop() {
      isStopped = true;
      callOff?.();
    },
  };
}
