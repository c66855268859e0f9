import type { Dialogue } from "../../lib/dialogue.ts";
import { errorText } from "../../lib/error-text.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { MetricSnapshot } from "../../telemetry/metrics-of-workers.ts";
import { createSilenceWatch, type SilenceWatch } from "./silence-watch.ts";
import type { ParentSpeech } from "./speech.ts";
import { startWorkerProcess, type WorkerListener, type WorkerProcess } from "./worker-process.ts";

/** The place of one worker, and whoever has it. */
export interface Member {
  readonly index: number;
  /** With the process that has the place now; `undefined` = there is none for the moment. */
  readonly dialogue: Dialogue<ParentSpeech> | undefined;
  readonly isServing: boolean;
  lastSnapshot: MetricSnapshot;
  /** Settles when all is ready but the port. Rejects with an Error for people. */
  start(): Promise<void>;
  /** It may listen; settles when it serves. Rejects with an Error for people. */
  serve(): Promise<void>;
  /** Drains it; kills it after so many milliseconds. `false` = requests were cut. */
  end(patienceMs: number): Promise<boolean>;
  kill(): void;
  /** Asks the process whether it is still there; one that serves and is silent for long is killed, and another one starts. */
  look(): void;
}

/** What the parent does for one process, apart from its start. */
export interface Service {
  readonly listener: {
    readonly hears: Omit<WorkerListener["hears"], "serving" | "failed">;
    readonly answers: Omit<WorkerListener["answers"], "mayListen">;
  };
  /** The process has ended. */
  leave(lastSnapshot: MetricSnapshot): void;
}

export interface MemberOptions {
  readonly logger: Logger;
  /** For a process that is about to start; `tell` speaks to it. */
  readonly serviceFor: (index: number, process: () => WorkerProcess) => Service;
  readonly onRestart: () => void;
  /** More serve. */
  readonly onServing: (member: Member) => void;
  /** Fewer serve. */
  readonly onGone: () => void;
}

const firstPauseMs = 100;
const longestPauseMs = 10_000;
/** Looks without an answer: a computation that blocks a process for less must not cost it its life. */
const silentLooks = 10;
/** Who served for so long does not fail at every start. */
const soundMs = 30_000;

interface Run {
  readonly process: WorkerProcess;
  readonly service: Service;
  readonly startedAt: number;
  readonly isReady: PromiseWithResolvers<void>;
  readonly door: PromiseWithResolvers<null>;
  readonly serves: PromiseWithResolvers<void>;
  readonly watch: SilenceWatch;
  isServing: boolean;
  failure: string | undefined;
}

export function createMember(index: number, options: MemberOptions): Member {
  const { logger } = options;
  let run: Run | undefined;
  /** The one that the parent's own start waits for, also when it has ended. */
  let first: Run | undefined;
  let pauseMs = firstPauseMs;
  let timer: Timer | undefined;
  /** The parent itself ends it, or has not started it for good. */
  let isExpected = true;
  let lastSnapshot: MetricSnapshot = [];

  /** Throws where the system starts no process. */
  function begin(): Run {
    const isReady = Promise.withResolvers<void>();
    const door = Promise.withResolvers<null>();
    const serves = Promise.withResolvers<void>();
    // Who starts it anew after it died waits for neither.
    for (const { promise } of [isReady, serves]) promise.catch(() => undefined);
    const service = options.serviceFor(index, () => process);
    const process = startProcess(service, {
      hears: {
        ...service.listener.hears,
        serving() {
          started.isServing = true;
          serves.resolve();
          options.onServing(member);
        },
        failed: (message) => void (started.failure = message),
      },
      answers: {
        ...service.listener.answers,
        mayListen() {
          isReady.resolve();
          return door.promise;
        },
      },
    });
    const startedAt = performance.now();
    const watch = createSilenceWatch({
      ask: () => process.dialogue.ask("snapshot", null),
      onAnswer: (snapshot) => void (lastSnapshot = snapshot),
      onSilent() {
        logger.error(`Worker ${index} (process ${process.pid}) has not answered for ${silentLooks} s; it is killed.`);
        process.kill();
      },
      looks: silentLooks,
    });
    const promises = { isReady, door, serves };
    const started: Run = { process, service, startedAt, ...promises, watch, isServing: false, failure: undefined };
    void process.exited.then(({ how }) => ended(started, how));
    return started;
  }

  function startProcess(service: Service, listener: WorkerListener): WorkerProcess {
    try {
      return startWorkerProcess(listener);
    } catch (error) {
      service.leave([]);
      throw new Error(`No process can be started for worker ${index}: ${errorText(error)}`, { cause: error });
    }
  }

  function ended(over: Run, how: string): void {
    const { process, service, isReady, serves, failure } = over;
    run = undefined;
    service.leave(lastSnapshot);
    lastSnapshot = [];
    const reason = failure ?? `A worker of the gateway ended at its start (${how}).`;
    for (const waiting of [isReady, serves]) waiting.reject(new Error(reason));
    if (isExpected) return;
    options.onGone();
    if (performance.now() - over.startedAt > soundMs) pauseMs = firstPauseMs;
    const why = failure === undefined ? `ended (${how})` : `cannot start: ${failure}`;
    restartLater(`Worker ${index} (process ${process.pid}) ${why}; another one starts`);
  }

  function restartLater(what: string): void {
    logger.error(`${what} in ${pauseMs / 1000} s.`);
    timer = setTimeout(restart, pauseMs);
    pauseMs = Math.min(longestPauseMs, pauseMs * 2);
  }

  function restart(): void {
    try {
      run = begin();
    } catch (error) {
      restartLater(`${errorText(error)}; it is tried again`);
      return;
    }
    options.onRestart();
    run.door.resolve(null);
  }

  const member: Member = {
    index,
    get dialogue() {
      return run?.process.dialogue;
    },
    get isServing() {
      return run?.isServing === true;
    },
    get lastSnapshot() {
      return lastSnapshot;
    },
    set lastSnapshot(snapshot) {
      lastSnapshot = snapshot;
    },
    async start() {
      first = begin();
      run = first;
      await first.isReady.promise;
    },
    async serve() {
      first?.door.resolve(null);
      await first?.serves.promise;
      isExpected = false;
    },
    async end(patienceMs) {
      isExpected = true;
      clearTimeout(timer);
      if (run === undefined) return true;
      const { process } = run;
      process.dialogue.tell("drain", null);
      const impatience = setTimeout(() => process.kill(), patienceMs);
      const { code } = await process.exited;
      clearTimeout(impatience);
      return code === 0;
    },
    kill() {
      isExpected = true;
      clearTimeout(timer);
      run?.process.kill();
    },
    look() {
      if (run?.isServing === true) run.watch.look();
    },
  };
  return member;
}
