import { expect, test } from "bun:test";
import { createStopSignal } from "../../src/lib/stop-signal.ts";

const first = new Error("first");
const second = new Error("second");

test("a signal that was not stopped has no reason and tells nobody", () => {
  const told: Error[] = [];
  const stop = createStopSignal();
  stop.onStop((reason) => told.push(reason));
  expect([stop.reason(), told]).toEqual([undefined, []]);
});

test("a stop is told once to every listener, in their order, with its reason", () => {
  const told: string[] = [];
  const stop = createStopSignal();
  for (const name of ["a", "b", "c"]) stop.onStop((reason) => told.push(`${name} ${reason.message}`));
  stop.stop(first);
  stop.stop(second);
  expect(told).toEqual(["a first", "b first", "c first"]);
  expect(stop.reason()).toBe(first);
});

test("a listener that comes late is told at once", () => {
  const told: Error[] = [];
  const stop = createStopSignal();
  stop.stop(first);
  stop.onStop((reason) => told.push(reason));
  expect(told).toEqual([first]);
});

test("a listener may stop again or listen again while it is told", () => {
  const told: string[] = [];
  const stop = createStopSignal();
  stop.onStop(() => {
    told.push("outer");
    stop.stop(second);
    stop.onStop((reason) => told.push(`inner ${reason.message}`));
  });
  stop.onStop(() => told.push("other"));
  stop.stop(first);
  expect(told).toEqual(["outer", "inner first", "other"]);
});
