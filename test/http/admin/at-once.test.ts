import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Store } from "../../../src/storage/store.ts";
import { type ConfigAnswer, type ConfigHouse, messageOf, startConfigHouse } from "../../support/config-house.ts";
import { openTwice } from "../../support/open-twice.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const file = `
providers:
  filed: { type: openai-compatible, baseUrl: "https://filed.example/v1", credentials: [sk-filed-0123456789abcdef] }
`;
const provider = {
  name: "mine",
  type: "openai-compatible",
  baseUrl: "https://mine.example/v1",
  credentials: ["sk-mine-0123456789abcdef"],
};
const model = { name: "smart", targets: [{ provider: "filed", model: "x" }], rpm: 7 };
const standsOnMine = { targets: [{ provider: "mine", model: "x" }] };

interface Door {
  pass(): Promise<void>;
  /** The next one waits: resolves when it has come, to what lets it go on. */
  hold(): Promise<() => void>;
}

function createDoor(): Door {
  let arrived: (() => void) | undefined;
  let opened = Promise.resolve();
  return {
    async pass() {
      const [tell, until] = [arrived, opened];
      arrived = undefined;
      opened = Promise.resolve();
      tell?.();
      await until;
    },
    async hold() {
      const gate = Promise.withResolvers<void>();
      const here = Promise.withResolvers<void>();
      [arrived, opened] = [here.resolve, gate.promise];
      await here.promise;
      return gate.resolve;
    },
  };
}

/** A store whose changes wait before they are written, and when they were, when they are told to. */
function withGate(store: Store) {
  const [way, wayBack] = [createDoor(), createDoor()];

  async function through<Answer>(change: () => Promise<Answer>): Promise<Answer> {
    await way.pass();
    const answer = await change();
    await wayBack.pass();
    return answer;
  }

  const documents: Store["documents"] = {
    ...store.documents,
    put: (document) => through(() => store.documents.put(document)),
    remove: (document) => through(() => store.documents.remove(document)),
  };
  return { store: { ...store, documents }, hold: () => way.hold(), holdAnswer: () => wayBack.hold() };
}

const folder = temporaryFolder();
const stores = await openTwice(`sqlite://${join(folder.path, "shared.db")}`);
const gate = withGate(stores[0]);
const first = await startConfigHouse({ store: gate.store, file });
const second = await startConfigHouse({ store: stores[1], file });
afterAll(async () => {
  for (const house of [first, second]) house[Symbol.dispose]();
  for (const store of stores) await store.close();
  folder[Symbol.dispose]();
});

async function lookAll(): Promise<void> {
  await first.look();
  await second.look();
}

beforeEach(async () => {
  const { documents } = stores[1];
  for (const kind of ["model", "provider", "setting"])
    for (const { id } of await documents.list(kind)) await documents.remove({ kind, id });
  await lookAll();
  await first.ask("POST", "/api/providers", provider);
  await first.ask("POST", "/api/models", model);
  await lookAll();
});

type Change = Parameters<ConfigHouse["ask"]>;

/** The first gateway's change is checked, then the second's is made, then the first's is written. */
async function meanwhile(change: Change, others: () => Promise<unknown>): Promise<ConfigAnswer> {
  const held = gate.hold();
  const answer = first.ask(...change);
  const goOn = await held;
  await others();
  goOn();
  return answer;
}

async function expectNothingLeftOut(): Promise<void> {
  await lookAll();
  for (const house of [first, second]) expect(house.configuration.live.leftOut()).toEqual([]);
  expect(second.config().models).toEqual(first.config().models);
  expect(second.config().providers).toEqual(first.config().providers);
}

const removeMine = () => second.ask("DELETE", "/api/providers/mine");
const makeOther = () => second.ask("POST", "/api/models", { name: "other", targets: model.targets });
const useMine = () => second.ask("PATCH", "/api/models/smart", standsOnMine);

describe("of two changes at the same moment that do not fit together the later one is taken back", () => {
  test("a new model whose provider is deleted", async () => {
    const make: Change = ["POST", "/api/models", { name: "new", ...standsOnMine }];
    const refused = await meanwhile(make, async () => expect((await removeMine()).status).toBe(204));
    expect(refused.status).toBe(409);
    expect(messageOf(refused)).toContain("models.new.targets[0].provider");
    expect(messageOf(refused)).toContain("try again");
    expect(await stores[1].documents.get("model", "new")).toBeUndefined();
    await expectNothingLeftOut();
    expect(first.config().models["new"]).toBeUndefined();
  });

  test("a model that is changed, and then is what it was", async () => {
    const change: Change = ["PATCH", "/api/models/smart", { ...standsOnMine, rpm: 9 }];
    expect((await meanwhile(change, removeMine)).status).toBe(409);
    await expectNothingLeftOut();
    expect(second.config().models["smart"]).toMatchObject({ rpm: 7, targets: [{ provider: "filed" }] });
  });

  test("a provider that is deleted while a model comes to stand on it, and has its key again", async () => {
    const remove: Change = ["DELETE", "/api/providers/mine"];
    const refused = await meanwhile(remove, async () => expect((await useMine()).status).toBe(200));
    expect([refused.status, messageOf(refused)]).toEqual([409, expect.stringContaining("models.smart.targets[0]")]);
    await expectNothingLeftOut();
    for (const house of [first, second])
      expect(house.config().providers["mine"]?.credentials[0]?.key).toBe(provider.credentials[0]);
    expect(second.config().models["smart"]?.targets).toMatchObject([{ provider: "mine" }]);
  });

  test("an import, with all of it, and it is not told as made", async () => {
    const document = {
      models: { smart: standsOnMine, other: { targets: model.targets } },
      limits: { queue: { size: 3 } },
    };
    const refused = await meanwhile(["POST", "/api/config/import", document], removeMine);
    expect([refused.status, messageOf(refused)]).toEqual([409, expect.stringContaining("models.smart.targets[0]")]);
    await expectNothingLeftOut();
    expect(Object.keys(second.config().models)).toEqual(["smart"]);
    expect(second.config().models["smart"]).toMatchObject({ rpm: 7 });
    expect(second.config().limits.queue.size).not.toBe(3);
    const { entries } = await stores[1].audit.list({ limit: 1 });
    expect(entries).toMatchObject([{ action: "provider.delete" }]);
  });

  test("changes of a batch", async () => {
    const create = [
      { name: "new", ...standsOnMine },
      { name: "fits", targets: model.targets },
    ];
    const { status, body } = await meanwhile(["POST", "/api/models/batch", { create }], removeMine);
    const results = body["results"] as { status: number }[];
    expect(status).toBe(200);
    expect(results[0]?.status).toBeGreaterThanOrEqual(400);
    expect(results[1]?.status).toBe(201);
    await expectNothingLeftOut();
    expect(Object.keys(second.config().models).sort()).toEqual(["fits", "smart"]);
  });
});

test("what a third one has changed since is not put back", async () => {
  const held = gate.hold();
  const answer = first.ask("PATCH", "/api/models/smart", { ...standsOnMine, rpm: 9 });
  const write = await held;
  await removeMine();
  const again = gate.hold();
  write();
  const putBack = await again;
  await second.look();
  // It is left out there, so that it can be made anew.
  expect((await second.ask("POST", "/api/models", { ...model, rpm: 11 })).status).toBe(201);
  putBack();
  expect((await answer).status).toBe(409);
  await expectNothingLeftOut();
  expect(first.config().models["smart"]).toMatchObject({ rpm: 11, targets: [{ provider: "filed" }] });
});

test("nor what a third one has changed, and was heard of, before the own change was answered", async () => {
  const models = { smart: { targets: model.targets, rpm: 9 }, zz: standsOnMine };
  const held = gate.holdAnswer();
  const answer = first.ask("POST", "/api/config/import", { models });
  const goOn = await held;
  await second.look();
  expect((await second.ask("PATCH", "/api/models/smart", { rpm: 11 })).status).toBe(200);
  expect((await second.ask("POST", "/api/models", { name: "zz", targets: model.targets })).status).toBe(201);
  await first.look();
  goOn();
  expect((await answer).status).toBe(409);
  await expectNothingLeftOut();
  expect(second.config().models["smart"]).toMatchObject({ rpm: 11 });
});

test("changes at the same moment that fit together are both made", async () => {
  const make: Change = ["POST", "/api/models", { name: "new", ...standsOnMine }];
  expect((await meanwhile(make, makeOther)).status).toBe(201);
  await expectNothingLeftOut();
  expect(Object.keys(first.config().models).sort()).toEqual(["new", "other", "smart"]);
});

test("a file that changes while a change is written counts, and so does the change", async () => {
  const changed = `${file}limits: { queue: { size: 3 } }\n`;
  const answer = await meanwhile(["POST", "/api/models", { name: "new", ...standsOnMine }], async () =>
    first.write(changed),
  );
  expect(answer.status).toBe(201);
  expect(first.config().limits.queue.size).toBe(3);
  expect(Object.keys(first.config().models).sort()).toEqual(["new", "smart"]);
  first.write(file);
});

test("an import does not write over what somebody changed while it was being written, and takes back the rest", async () => {
  const models = { smart: { targets: model.targets, rpm: 9 }, zz: standsOnMine };
  const answer = await meanwhile(["POST", "/api/config/import", { models }], async () => {
    expect((await second.ask("POST", "/api/models", { name: "zz", targets: model.targets })).status).toBe(201);
    await first.look();
  });
  expect(answer.status).toBe(409);
  await expectNothingLeftOut();
  expect(second.config().models["zz"]?.targets).toMatchObject([{ provider: "filed" }]);
  expect(second.config().models["smart"]).toMatchObject({ rpm: 7 });
});
