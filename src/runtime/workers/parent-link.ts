import type { RecentRequests } from "../../http/requests.ts";
import { createWorkerCoordinator, type WorkerCoordinator } from "../../coordination/parent/worker-coordinator.ts";
import { alarms } from "../../lib/alarms.ts";
import { createDialogue, type Dialogue, type DialogueOptions } from "../../lib/dialogue.ts";
import type { RequestRecord } from "../../telemetry/request-record.ts";
import { createParentResponses } from "./parent-responses.ts";
import type { ParentParts } from "./parent-parts.ts";
import type { ParentSpeech, WorkerSpeech, WorkerStart } from "./speech.ts";

type Heard = Omit<DialogueOptions<ParentSpeech>, "send" | "after" | "hears"> & {
  readonly hears: Omit<DialogueOptions<ParentSpeech>["hears"], "published" | "notices">;
};

export interface ParentLink {
  readonly dialogue: Dialogue<WorkerSpeech>;
  /** What the house has of the parent. */
  parts(start: WorkerStart): ParentParts;
}

/** Requests wait for it: beyond this time they are told to come again. */
const decisionMs = 500;
/** People wait for it. */
const answerMs = 2000;
const pageSize = 250;

function recentOf(dialogue: Dialogue<WorkerSpeech>, capacity: number): RecentRequests {
  return {
    capacity,
    find: (id) => dialogue.ask("request", id, { timeoutMs: answerMs }),
    async newest(limit, matches) {
      const found: RequestRecord[] = [];
      for (let skip = 0; skip < capacity && found.length < limit; skip += pageSize) {
        const page = await dialogue.ask("recent", { skip, count: pageSize }, { timeoutMs: answerMs });
        found.push(...page.filter(matches));
        if (page.length < pageSize) break;
      }
      return found.slice(0, limit);
    },
  };
}

/** A worker's end of the connection. `onGone`: the parent has died. */
export function linkToParent({ hears, answers }: Heard, onGone: () => void): ParentLink {
  let notices: readonly string[] = [];
  let coordinator: WorkerCoordinator | undefined;
  const dialogue = createDialogue<WorkerSpeech, ParentSpeech>({
    send: (batch) => void process.send?.(batch),
    hears: {
      ...hears,
      published: (published) => coordinator?.hear(published),
      notices: (told) => void (notices = told),
    },
    answers,
    after: (milliseconds, ring) => alarms.set(milliseconds, ring),
  });
  process.on("message", (batch) => dialogue.receive(batch));
  process.on("disconnect", () => {
    dialogue.end();
    onGone();
  });
  coordinator = createWorkerCoordinator({
    ask: (question) => dialogue.ask("decide", question, { timeoutMs: decisionMs }),
    publish: (published) => dialogue.tell("published", published),
  });
  const shared = coordinator;

  return {
    dialogue,
    parts: ({ workers, ringCapacity }) => ({
      workers,
      sink: {
        name: "parent",
        async write(records) {
          // Not given up: whether it has them would not be known.
          await dialogue.ask("records", records);
        },
        close: () => undefined,
      },
      recent: recentOf(dialogue, ringCapacity),
      coordinator: shared,
      metricsText: () => dialogue.ask("metrics", null, { timeoutMs: answerMs }),
      notices: () => notices,
      responseStore: (options) => createParentResponses(dialogue, options),
    }),
  };
}
