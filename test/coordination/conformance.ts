import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Coordinator } from "../../src/coordination/coordinator.ts";
import { accountConformance } from "./conformance-budgets.ts";
import { failureConformance } from "./conformance-failures.ts";
import { limitConformance } from "./conformance-limits.ts";
import { shelfConformance } from "./conformance-shelves.ts";

/** One place where gateways meet, empty, with a clock of its own. */
export interface Meeting {
  join(): Promise<Coordinator>;
  /** Moves the clock. */
  pass(milliseconds: number): void;
  now(): number;
}

export interface TriedCoordination {
  readonly name: string;
  meet(): Promise<Meeting>;
}

/** Two gateways that stand for one. */
export interface Pair extends Omit<Meeting, "join"> {
  readonly first: Coordinator;
  readonly second: Coordinator;
}

/** What every engine must do alike. */
export function coordinationConformance(tried: TriedCoordination): void {
  describe(tried.name, () => {
    let pair: Pair;
    beforeEach(async () => {
      const meeting = await tried.meet();
      const [first, second] = await Promise.all([meeting.join(), meeting.join()]);
      pair = { first, second, pass: (milliseconds) => meeting.pass(milliseconds), now: () => meeting.now() };
    });
    afterEach(async () => {
      await Promise.all([pair.first.close(), pair.second.close()]);
    });

    describe("limits", () => limitConformance(() => pair));
    describe("budgets", () => accountConformance(() => pair));
    describe("failures", () => failureConformance(() => pair));
    describe("shelves", () => shelfConformance(() => pair));
    describe("messages and notes", () => messageConformance(() => pair));
  });
}

function messageConformance(pair: () => Pair): void {
  test("what one publishes is heard by the others, and not by itself", async () => {
    const { first, second } = pair();
    const own: string[] = [];
    first.subscribe("news", (message) => own.push(message));
    const heard = new Promise((resolve) => second.subscribe("news", resolve));
    second.subscribe("sport", () => own.push("on another channel"));
    first.publish("news", "a text\nof two lines");
    expect(await heard).toBe("a text\nof two lines");
    expect(own).toEqual([]);
  });

  test("who does not listen any more hears nothing", async () => {
    const { first, second } = pair();
    const heard: string[] = [];
    const end = second.subscribe("news", (message) => heard.push(message));
    end();
    const last = new Promise((resolve) => second.subscribe("news", resolve));
    first.publish("news", "late");
    await last;
    expect(heard).toEqual([]);
  });

  test("notes are read by all until their time is over or they are taken away", async () => {
    const { first, second, pass } = pair();
    await first.decide("notes.put", { board: "circuits", id: "a", text: "open", ttlMs: 1000 });
    await first.decide("notes.put", { board: "circuits", id: "b", text: "open", ttlMs: 9000 });
    await second.decide("notes.put", { board: "circuits", id: "c", text: "open", ttlMs: 9000 });
    await second.decide("notes.put", { board: "circuits", id: "b", text: "", ttlMs: 9000 });
    const { notes } = await second.decide("notes.list", { board: "circuits" });
    expect([...notes].sort((left, right) => left.id.localeCompare(right.id))).toEqual([
      { id: "a", text: "open" },
      { id: "c", text: "open" },
    ]);
    pass(1000);
    expect(await first.decide("notes.list", { board: "circuits" })).toEqual({ notes: [{ id: "c", text: "open" }] });
    expect(await first.decide("notes.list", { board: "nothing" })).toEqual({ notes: [] });
  });
}
