import { expect, test } from "bun:test";
import { importParts, type PartSize } from "../../src/cli/import-parts.ts";

const format = "orcestator-config/1";
const team = (id: number): object => ({ id: `team_${id}`, value: { name: `t${id}` } });
const key = (id: number, teamId?: string): object => ({ id: `key_${id}`, value: { name: `k${id}`, teamId } });
const bodies = (document: Record<string, unknown>, partSize: PartSize): object[] =>
  importParts(document, partSize).map(({ body }) => body);
const size = { most: 2, mostBytes: 10_000 };

test("a document with few keys is one request", () => {
  const document = { format, config: { limits: {} }, keys: [key(1), key(2)], teams: [team(1), team(2)] };
  expect(bodies(document, size)).toEqual([document]);
});

test("one with many is the configuration, then teams, then keys with the teams that they name", () => {
  const config = { limits: { queue: { size: 9 } } };
  const document = {
    format,
    config,
    leftOut: [],
    keys: [key(1, "team_3"), key(2), key(3, "team_1"), key(4, "team_1"), key(5, "team_9")],
    teams: [team(1), team(2), team(3)],
  };
  expect(bodies(document, size)).toEqual([
    { format, config, leftOut: [] },
    { format, config: {}, teams: [team(1), team(2)] },
    { format, config: {}, teams: [team(3)] },
    { format, config: {}, keys: [key(1, "team_3"), key(2)], teams: [team(3)] },
    { format, config: {}, keys: [key(3, "team_1"), key(4, "team_1")], teams: [team(1)] },
    { format, config: {}, keys: [key(5, "team_9")], teams: [] },
  ]);
  expect(importParts(document, size).map(({ place }) => place)).toEqual([
    "the configuration",
    "teams 1 to 2",
    "teams 3 to 3",
    "keys 1 to 2",
    "keys 3 to 4",
    "keys 5 to 5",
  ]);
});

test("large entries are fewer in a request, and one that is too large stands alone", () => {
  const large = { id: "key_9", value: { name: "x".repeat(200) } };
  const keys = [key(1), large, key(2), key(3)];
  const parts = importParts({ config: {}, keys }, { most: 10, mostBytes: 100 });
  expect(parts.slice(1).map(({ body }) => body["keys"])).toEqual([[key(1)], [large], [key(2), key(3)]]);
});

test.each([
  { limits: {}, keys: [1, 2, 3] },
  { config: {}, keys: 5 },
  { config: {}, keys: [1, 2, 3] },
  { config: {}, keys: [null, {}, {}] },
  { config: 5, keys: [{}, {}, {}] },
])("what is no export goes as it is, for the gateway to judge: %j", (document) => {
  expect(bodies(document, size)).toEqual([document]);
});
