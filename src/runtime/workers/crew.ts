import type { Dialogue } from "../../lib/dialogue.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { MetricSnapshot } from "../../telemetry/metrics-of-workers.ts";
import { createMember, type Member, type MemberOptions } from "./member.ts";
import type { ConfigOutcome, ParentSpeech } from "./speech.ts";

/** All workers of one parent. */
export interface Crew {
  /** Starts them; `release` lets the port go once all can listen. Rejects with an Error for people when one cannot start. */
  start(release: () => Promise<void>): Promise<void>;
  /** How many serve. */
  serving(): number;
  tell<Topic extends keyof ParentSpeech["tells"]>(topic: Topic, content: ParentSpeech["tells"][Topic]): void;
  /** The configuration has changed: all read it again. */
  reload(): void;
  /** What each has counted; of one that does not answer, what it said last. */
  snapshots(): Promise<MetricSnapshot[]>;
  /** They drain and end; those that do not are ended after so many milliseconds. `false` = requests had to be cut. */
  drain(patienceMs: number): Promise<boolean>;
  /** At once. */
  kill(): void;
}

export interface CrewOptions extends Omit<MemberOptions, "onServing" | "onGone"> {
  readonly workers: number;
  readonly logger: Logger;
  /** What the owner should know of the parent, one line each; looked at once a second. */
  readonly notices: () => readonly string[];
}

/** Whoever wants the numbers waits no longer. */
const snapshotMs = 1000;
const lookMs = 1000;

async function snapshotOf(member: Member): Promise<MetricSnapshot> {
  const { dialogue } = member;
  try {
    if (dialogue !== undefined) member.lastSnapshot = await dialogue.ask("snapshot", null, { timeoutMs: snapshotMs });
  } catch {
    // It is busy or gone; what it said last is at most so old.
  }
  return member.lastSnapshot;
}

export function createCrew({ workers, logger, notices: ofParent, ...options }: CrewOptions): Crew {
  let timer: Timer | undefined;
  /** What those that serve were told last. */
  let told = "";
  /** Those that were starting when the configuration changed, perhaps with the one before. */
  const late = new Set<Member>();
  const members = Array.from({ length: workers }, (_, index) =>
    createMember(index + 1, { ...options, logger, onServing: welcome, onGone: tellNotices }),
  );
  const dialogues = (): Dialogue<ParentSpeech>[] =>
    members.map(({ dialogue }) => dialogue).filter((dialogue) => dialogue !== undefined);
  const serving = (): number => members.filter(({ isServing }) => isServing).length;

  function notices(): string[] {
    const missing = workers - serving();
    const ofCrew = missing === 0 ? [] : [`${missing} of ${workers} workers died and will be replaced; see the log.`];
    return [...ofCrew, ...ofParent()];
  }

  function tellNotices(): void {
    const current = notices();
    told = current.join("\n");
    for (const dialogue of dialogues()) dialogue.tell("notices", current);
  }

  function look(): void {
    for (const member of members) member.look();
    if (notices().join("\n") !== told) tellNotices();
  }

  async function snapshots(): Promise<MetricSnapshot[]> {
    return Promise.all(members.map(snapshotOf));
  }

  function welcome(member: Member): void {
    tellNotices();
    if (late.delete(member)) void reloadAt(member);
  }

  async function reloadAt(member: Member): Promise<void> {
    const { dialogue } = member;
    if (dialogue === undefined) return;
    if (!member.isServing) {
      late.add(member);
      return;
    }
    const outcome: ConfigOutcome = await dialogue.ask("reload", null).catch(() => ({ refused: undefined }));
    if (outcome.refused === undefined) return;
    // The parent could use it a moment ago: a new process reads it anew.
    logger.error(`Worker ${member.index} cannot use the configuration: ${outcome.refused} It is replaced.`);
    dialogue.tell("drain", null);
  }

  return {
    async start(release) {
      await Promise.all(members.map((member) => member.start()));
      await release();
      await Promise.all(members.map((member) => member.serve()));
      // Who hangs is noticed; and what a worker that dies has counted by then is not lost.
      timer = setInterval(look, lookMs);
      timer.unref();
    },
    serving,
    tell: (topic, content) => dialogues().forEach((dialogue) => dialogue.tell(topic, content)),
    reload() {
      for (const member of members) void reloadAt(member);
    },
    snapshots,
    async drain(patienceMs) {
      clearInterval(timer);
      const ends = members.map((member) => member.end(patienceMs));
      return (await Promise.all(ends)).every((isClean) => isClean);
    },
    kill() {
      clearInterval(timer);
      for (const member of members) member.kill();
    },
  };
}
