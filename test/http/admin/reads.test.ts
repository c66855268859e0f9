import { beforeEach, describe, expect, test } from "bun:test";
import { startFiledHouse } from "../../support/config-house.ts";

const file = `
providers:
  filed: { type: dummy }
  other: { type: dummy }
`;
const { house, store } = await startFiledHouse(file);
const targets = [{ provider: "filed", model: "x" }];

async function clear(): Promise<void> {
  house.write(file);
  for (const kind of ["model", "provider", "setting"])
    for (const { id } of await store.documents.list(kind)) await store.documents.remove({ kind, id });
  await house.look();
}
beforeEach(clear);

async function readsOf(work: () => Promise<unknown>): Promise<number> {
  const before = house.reads();
  await work();
  return house.reads() - before;
}

const models = (count: number, prefix = "m") =>
  Array.from({ length: count }, (_, index) => ({ name: `${prefix}${index}`, targets }));
const batch = async (body: object): Promise<number[]> => {
  const answer = await house.ask("POST", "/api/models/batch", body);
  return (answer.body["results"] as { status: number }[]).map(({ status }) => status);
};

describe("the configuration is read as a whole", () => {
  test("once for a change: what was checked is what is served", async () => {
    expect(await readsOf(() => house.ask("POST", "/api/models", { name: "a", targets }))).toBe(1);
    expect(await readsOf(() => house.ask("PATCH", "/api/models/a", { rpm: 5 }))).toBe(1);
    expect(house.config().models["a"]).toMatchObject({ rpm: 5 });
    const document = { limits: { queue: { size: 7 } }, models: { a: { targets }, b: { targets } } };
    expect(await readsOf(() => house.ask("POST", "/api/config/import", document))).toBe(1);
    expect(await readsOf(() => house.ask("DELETE", "/api/models/a"))).toBe(1);
    expect(Object.keys(house.config().models)).toEqual(["b"]);
  });

  test("once for a batch that is sound, whatever its steps are", async () => {
    await batch({ create: models(2, "old") });
    const reads = await readsOf(async () => {
      const update = [
        { id: "old0", rpm: 5 },
        { id: "nobody", rpm: 5 },
      ];
      const statuses = await batch({ create: models(50), update, delete: ["old1"] });
      expect(statuses).toEqual([...Array.from({ length: 50 }, () => 201), 200, 404, 204]);
    });
    expect(reads).toBe(1);
    expect(Object.keys(house.config().models)).toHaveLength(51);
  });

  test("a few times for a batch of which one change is not sound: all others are made", async () => {
    const create = models(60).map((model, index) =>
      index === 40 ? { ...model, targets: [{ provider: "no", model: "x" }] } : model,
    );
    const reads = await readsOf(async () => {
      const statuses = await batch({ create });
      expect(statuses.map((status, index) => [status, index]).filter(([status]) => status !== 201)).toEqual([
        [400, 40],
      ]);
    });
    expect(reads).toBeLessThan(30);
    expect(Object.keys(house.config().models)).toHaveLength(59);
  });

  test("again, where changes were left out that may fit now", async () => {
    await house.ask("POST", "/api/models", { name: "a", targets });
    house.write("providers: { other: { type: dummy } }");
    expect(house.config().models).toEqual({});
    await house.ask("POST", "/api/providers", { name: "filed", type: "dummy" });
    expect(Object.keys(house.config().models)).toEqual(["a"]);
  });
});

describe("the steps of a batch", () => {
  test("may be about the same thing: each is made of what the one before has left", async () => {
    const update = [
      { id: "m0", rpm: 5 },
      { id: "m0", tpm: 6 },
    ];
    expect(await batch({ create: models(2), update, delete: ["m1", "m1"] })).toEqual([201, 201, 200, 200, 204, 404]);
    expect(house.config().models["m0"]).toMatchObject({ rpm: 5, tpm: 6 });
    expect(Object.keys(house.config().models)).toEqual(["m0"]);
  });

  test("that stand on each other are sound together", async () => {
    const create = [
      { name: "a", targets, fallbacks: ["b"] },
      { name: "b", targets },
    ];
    expect(await batch({ create })).toEqual([201, 201]);
    expect(await batch({ delete: ["b"] })).toEqual([409]);
    expect(await batch({ delete: ["b", "a"] })).toEqual([204, 204]);
  });

  test("are told one by one to the audit log", async () => {
    await batch({ create: models(2), update: [{ id: "m0", rpm: 5 }], delete: ["m1"] });
    const { entries } = await store.audit.list({ limit: 4 });
    expect(entries.toReversed().map(({ action, subject }) => `${action} ${subject}`)).toEqual([
      "model.create model/m0",
      "model.create model/m1",
      "model.update model/m0",
      "model.delete model/m1",
    ]);
    expect(entries[1]).toMatchObject({ before: { name: "m0" }, after: { rpm: 5 } });
  });
});
