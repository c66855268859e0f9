import { expect, test } from "bun:test";
import type { CoordinationQuestion, Published } from "../../src/coordination/parent/messages.ts";
import { createWorkerCoordinator, type WorkerCoordinator } from "../../src/coordination/parent/worker-coordinator.ts";
import { createWorkerMeeting, type Seat, type WorkerMeeting } from "../../src/coordination/parent/worker-meeting.ts";
import { createDialogue, type Dialogue } from "../../src/lib/dialogue.ts";
import { alarms } from "../../src/lib/alarms.ts";
import { coordinationConformance } from "./conformance.ts";

interface WorkerSpeech {
  tells: { published: Published };
  asks: { decide: { question: CoordinationQuestion; answer: unknown } };
}
interface ParentSpeech {
  tells: { published: Published };
  asks: object;
}

interface Joined {
  readonly coordinator: WorkerCoordinator;
  readonly seat: Seat;
}

function between(receive: (batch: unknown) => void): (batch: unknown) => void {
  return (batch) => {
    const copy: unknown = structuredClone(batch);
    setImmediate(() => receive(copy));
  };
}

/** A worker as it is joined to its parent, but for the processes: everything that is said is copied. */
function join(meeting: WorkerMeeting): Joined {
  const parent: Dialogue<ParentSpeech> = createDialogue<ParentSpeech, WorkerSpeech>({
    send: between((batch) => worker.receive(batch)),
    hears: { published: (published) => seat.publish(published) },
    answers: { decide: (question) => seat.answer(question) },
    after: (milliseconds, ring) => alarms.set(milliseconds, ring),
  });
  const worker: Dialogue<WorkerSpeech> = createDialogue<WorkerSpeech, ParentSpeech>({
    send: between((batch) => parent.receive(batch)),
    hears: { published: (published) => coordinator.hear(published) },
    answers: {},
    after: (milliseconds, ring) => alarms.set(milliseconds, ring),
  });
  const seat = meeting.admit((published) => parent.tell("published", published));
  const coordinator = createWorkerCoordinator({
    ask: (question) => worker.ask("decide", question, { timeoutMs: 1000 }),
    publish: (published) => worker.tell("published", published),
  });
  return { coordinator, seat };
}

coordinationConformance({
  name: "the parent of workers",
  meet() {
    let time = 1_900_000_000_000;
    const meeting = createWorkerMeeting({ now: () => time });
    return Promise.resolve({
      join: () => Promise.resolve(join(meeting).coordinator),
      pass: (milliseconds) => void (time += milliseconds),
      now: () => time,
    });
  },
});

const demand = { ttlMs: 30_000, tokens: 0, isWaiting: true, scopes: [{ key: "provider:p", concurrency: 1 }] };

test("the places of a worker that has died are free at once, and those that wait hear of it", async () => {
  const meeting = createWorkerMeeting({
    freedNews: (key) => ({ channel: "free", message: key }),
  });
  const [first, second] = [join(meeting), join(meeting)];
  expect((await first.coordinator.decide("limits.take", { ...demand, lease: "a" })).isTaken).toBe(true);
  expect((await second.coordinator.decide("limits.take", { ...demand, lease: "b" })).full).toEqual([0]);
  const heard = new Promise((resolve) => second.coordinator.subscribe("free", resolve));
  await first.seat.leave();
  expect(await heard).toBe("provider:p");
  expect((await second.coordinator.decide("limits.take", { ...demand, lease: "b" })).isTaken).toBe(true);
});

test("what a worker gave back before it died is not given back again", async () => {
  const meeting = createWorkerMeeting();
  const [first, second] = [join(meeting), join(meeting)];
  await first.coordinator.decide("limits.take", { ...demand, lease: "a" });
  await first.coordinator.decide("limits.settle", { lease: "a", scopes: ["provider:p"], isOver: true });
  await second.coordinator.decide("limits.take", { ...demand, lease: "b" });
  await first.seat.leave();
  expect((await second.coordinator.decide("limits.take", { ...demand, lease: "c" })).isTaken).toBe(false);
});

test("what a worker asked before it died takes no place when it is read after that", async () => {
  const meeting = createWorkerMeeting();
  const [first, second] = [join(meeting), join(meeting)];
  await first.seat.leave();
  const late = first.coordinator.decide("limits.take", { ...demand, lease: "a" });
  expect(await late.catch((error: unknown) => error)).toMatchObject({ status: 503 });
  expect((await second.coordinator.decide("limits.take", { ...demand, lease: "b" })).isTaken).toBe(true);
});

test("a parent that does not answer costs a 503 that may be tried again", async () => {
  const coordinator = createWorkerCoordinator({
    ask: () => Promise.reject(new Error("no answer within 500 ms")),
    publish: () => undefined,
  });
  const refusal = coordinator.decide("notes.list", { board: "b" });
  expect(await refusal.catch((error: unknown) => error)).toMatchObject({ status: 503, retryable: true });
});

test("a parent that does not answer holds up no request after the first, until it answers again", async () => {
  let isFrozen = true;
  let asked = 0;
  const pauses: (() => void)[] = [];
  const coordinator = createWorkerCoordinator({
    ask() {
      asked += 1;
      return isFrozen ? Promise.reject(new Error("no answer within 500 ms")) : Promise.resolve({ notes: [] });
    },
    publish: () => undefined,
    pause: () => new Promise<void>((resolve) => void pauses.push(resolve)),
  });
  const states: boolean[] = [];
  coordinator.onState(({ isUp }) => states.push(isUp));
  const question = (): Promise<unknown> => coordinator.decide("notes.list", { board: "b" });
  const failure = (): Promise<unknown> => question().catch((error: unknown) => error);
  await failure();
  expect(coordinator.state()).toMatchObject({ isUp: false, problem: expect.stringContaining("500 ms") });
  const before = asked;
  for (let at = 0; at < 20; at += 1) expect(await failure()).toMatchObject({ status: 503, retryable: true });
  expect(asked).toBe(before);
  isFrozen = false;
  const back = new Promise<void>((resolve) => void coordinator.onState(() => resolve()));
  pauses.shift()?.();
  await back;
  expect(await question()).toEqual({ notes: [] });
  expect(states).toEqual([false, true]);
  await coordinator.close();
});
