import { expect, test } from "bun:test";
import {
  recordOfView,
  requestRow,
  requestView,
  requestViewSchema,
  viewJson,
} from "../../src/telemetry/request-view.ts";
import { storyOf } from "../../src/telemetry/story.ts";
import { trailOf } from "../../src/telemetry/trail-of.ts";
import { makeRecord } from "../support/make-record.ts";
import { failoverRecord, hedgeRecord } from "../support/make-trail.ts";
import { somePrice } from "../support/some-price.ts";

function read(json: string): Record<string, unknown> {
  return JSON.parse(json) as Record<string, unknown>;
}

test("a view has every field of the record, null for what is not known, the decisions and the story", () => {
  const record = failoverRecord();
  const view = read(viewJson(requestView(record)));
  const { trail: _trail, ...fields } = record;
  expect(Object.keys(view)).toEqual(expect.arrayContaining(Object.keys(fields)));
  expect(view).toMatchObject({
    id: record.id,
    task: null,
    errorCode: null,
    usage: { input: 1200, cacheWrite: null },
    decisions: { routedBy: "routes[1]", lane: "translate", waits: [{ for: "a place at groq", atMs: 470, ms: 200 }] },
    summary: storyOf(record),
  });
  expect(requestViewSchema.safeParse(view).error).toBeUndefined();
});

test("what was said is in it only where it was kept, and never in a list", () => {
  const kept = read(viewJson(requestView(makeRecord({ userText: "hello", assistantText: "" }))));
  expect(kept).toMatchObject({ userText: "hello", assistantText: "" });
  const bare = read(viewJson(requestView(makeRecord({ userText: undefined, assistantText: undefined }))));
  expect(Object.keys(bare)).not.toContain("userText");
  expect(Object.keys(bare)).not.toContain("assistantText");
  expect(JSON.stringify(requestRow(failoverRecord({ userText: "secret", assistantText: "secret" })))).not.toContain(
    "secret",
  );
  expect(Object.keys(requestRow(failoverRecord()))).not.toContain("trail");
});

test("a record comes back from its view and tells the same story", () => {
  for (const record of [failoverRecord(), hedgeRecord(), makeRecord({ lane: "same" }), makeRecord({ attempts: 0 })]) {
    const back = recordOfView(read(viewJson(requestView(record))));
    expect(back).toEqual({ ...record, trail: trailOf(record) });
    expect(back && storyOf(back)).toEqual(storyOf(record));
  }
});

test("who says what it cost comes back too, and what it was charged by", () => {
  const record = makeRecord({ costUsd: 0.5, costSource: "computed", priceUsed: { ...somePrice, cacheRead: 0.3 } });
  const view = read(viewJson(requestView(record)));
  expect(view).toMatchObject({ costSource: "computed", priceUsed: { input: 3, cacheRead: 0.3, cacheWrite: null } });
  expect(requestViewSchema.safeParse(view).error).toBeUndefined();
  expect(recordOfView(view)).toEqual({ ...record, trail: trailOf(record) });
});

test("what is no view gives no record", () => {
  const view = read(viewJson(requestView(failoverRecord())));
  for (const wrong of [undefined, null, "text", [], {}, { ...view, id: 1 }, { ...view, decisions: { attempts: 1 } }])
    expect(recordOfView(wrong)).toBeUndefined();
});

test("nothing is decided where nothing was sent upstream, and a broken stream's attempt had been answered", () => {
  expect(trailOf(makeRecord({ attempts: 0, provider: undefined }))).toBeUndefined();
  expect(trailOf(makeRecord({ attempts: 2 }))).toBeUndefined();
  const failure = { endReason: "upstream_error", errorCode: "upstream_error", errorMessage: "cut" } as const;
  expect(trailOf(makeRecord({ ...failure, ttftMs: 40 }))?.attempts[0]).toMatchObject({ outcome: "ok", ms: 39 });
  expect(trailOf(makeRecord(failure))?.attempts[0]).toMatchObject({ outcome: "upstream_error", cause: "cut" });
});
