import type { LimitsTaken } from "../decisions.ts";
import { createMemoryCoordination, type MemoryCoordinationOptions } from "../memory/memory-coordination.ts";
import type { CoordinationQuestion, Published } from "./messages.ts";

/** One worker's place in the meeting. */
export interface Seat {
  answer(question: CoordinationQuestion): Promise<unknown>;
  /** Tells all other workers. */
  publish(published: Published): void;
  /** Its process has ended: the places that it had are free again. */
  leave(): Promise<void>;
}

/** Where the workers of one parent decide together, in the parent's memory. */
export interface WorkerMeeting {
  /** `tell` brings a worker what the others publish. */
  admit(tell: (published: Published) => void): Seat;
}

export interface WorkerMeetingOptions extends MemoryCoordinationOptions {
  /** What tells those that wait for a place of a scope that one came free. */
  freedNews?: (key: string) => Published;
}

/** The places that a worker has, by lease: keys of scopes. */
function createPlaceList() {
  const placesOf = new Map<string, readonly string[]>();

  return {
    leases: placesOf,
    /** A decision that was made. */
    note(question: CoordinationQuestion, answer: unknown): void {
      if (question.decide === "limits.take") {
        const { lease, scopes } = question.input;
        const bounded = scopes.filter(({ concurrency }) => concurrency !== undefined).map(({ key }) => key);
        if (bounded.length > 0 && (answer as LimitsTaken).isTaken) placesOf.set(lease, bounded);
      } else if (question.decide === "leases.renew") {
        for (const { lease, places } of question.input.leases) if (places.length > 0) placesOf.set(lease, places);
      } else if (question.decide === "limits.settle" && question.input.isOver) {
        placesOf.delete(question.input.lease);
      }
    },
  };
}

export function createWorkerMeeting({ freedNews, ...options }: WorkerMeetingOptions = {}): WorkerMeeting {
  const engine = createMemoryCoordination(options).join();
  const members = new Set<(published: Published) => void>();

  return {
    admit(tell) {
      members.add(tell);
      const places = createPlaceList();
      let hasLeft = false;

      function publish(published: Published): void {
        for (const member of members) if (member !== tell) member(published);
      }

      return {
        async answer(question) {
          // What a process asked before it died may be read after that.
          if (hasLeft) throw new Error("this worker has left");
          const answer = await engine.decide(question.decide, question.input);
          places.note(question, answer);
          return answer;
        },
        publish,
        async leave() {
          hasLeft = true;
          members.delete(tell);
          const awaited = new Set<string>();
          for (const [lease, scopes] of places.leases) {
            const settled = await engine.decide("limits.settle", { lease, scopes, isOver: true });
            for (const key of settled.awaited) awaited.add(key);
          }
          places.leases.clear();
          if (freedNews !== undefined) for (const key of awaited) publish(freedNews(key));
        },
      };
    },
  };
}
