import { createWorkerMeeting, type Seat } from "../../coordination/parent/worker-meeting.ts";
import { freedChannel } from "../../limits/shared-lease.ts";
import type { WorkerMetrics } from "../../telemetry/metrics-of-workers.ts";
import type { Lasting } from "../lasting.ts";
import type { LogRelay } from "./log-relay.ts";
import type { MemberOptions, Service } from "./member.ts";
import { chainOf } from "./parent-responses.ts";
import type { WorkerStart } from "./speech.ts";

export interface WorkerServicesOptions {
  /** The parent's: what it keeps for all workers. */
  readonly lasting: Lasting;
  readonly relay: LogRelay;
  /** What a worker that starts now begins with. */
  readonly startOf: () => WorkerStart;
  readonly metrics: Pick<WorkerMetrics, "keep">;
  /** The page of all workers. */
  readonly metricsText: () => Promise<string>;
}

type Listener = Service["listener"];

function hearsOf({ lasting, relay }: WorkerServicesOptions, index: number, seat: Seat): Listener["hears"] {
  return {
    log: (line) => relay(index, line),
    published: (published) => seat.publish(published),
    keepResponse: (entry) => lasting.responseStore?.save(entry),
  };
}

function answersOf({ lasting, startOf, metricsText }: WorkerServicesOptions, seat: Seat): Listener["answers"] {
  return {
    start: startOf,
    records(records) {
      for (const record of records) lasting.keep(record);
      return null;
    },
    decide: (question) => seat.answer(question),
    request: (id) => lasting.requests.ring.find(id),
    recent: async ({ skip, count }) => (await lasting.requests.ring.newest(skip + count, () => true)).slice(skip),
    metrics: metricsText,
    responses: (id) => chainOf(lasting.responseStore, id),
    async forgetResponse(id) {
      await lasting.responseStore?.delete(id);
      return null;
    },
  };
}

/** What a worker may tell and ask its parent; without Redis all of them decide together in the parent's memory. */
export function createWorkerServices(options: WorkerServicesOptions): MemberOptions["serviceFor"] {
  const meeting = createWorkerMeeting({ freedNews: (key) => ({ channel: freedChannel, message: key }) });
  return (index, process) => {
    const seat = meeting.admit((published) => process().dialogue.tell("published", published));
    return {
      listener: { hears: hearsOf(options, index, seat), answers: answersOf(options, seat) },
      leave(lastSnapshot) {
        void seat.leave();
        void options.metrics.keep(lastSnapshot);
      },
    };
  };
}
