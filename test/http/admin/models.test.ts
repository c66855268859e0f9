import { beforeEach, expect, test } from "bun:test";
import { type ConfigHouse, messageOf, startFiledHouse } from "../../support/config-house.ts";

const file = `
providers:
  a: { type: openai-compatible, baseUrl: "http://127.0.0.1:9/v1" }
models:
  filed: { targets: [{ provider: a, model: x }], rpm: 60 }
`;

const { house, store } = await startFiledHouse(file);

const ask: ConfigHouse["ask"] = (...request) => house.ask(...request);
const targets = [{ provider: "a", model: "y" }];

beforeEach(async () => {
  for (const { id } of await store.documents.list("model")) await store.documents.remove({ kind: "model", id });
  await house.look();
});

test("a model is made, shown, changed and deleted, whatever its name", async () => {
  for (const name of ["smart", "vendor/model-1", "gpt-*", "Ünïcode", "a b", "%2e%2e", "health", "x?y#z"]) {
    const made = await ask("POST", "/api/models", { name, targets });
    expect(made).toMatchObject({ status: 201, body: { id: name, origin: "overlay", targets } });
    const path = `/api/models/${encodeURIComponent(name)}`;
    expect(await ask("GET", path)).toMatchObject({ status: 200, body: { id: name } });
    expect(await ask("PATCH", path, { rpm: 3 })).toMatchObject({ status: 200, body: { rpm: 3, targets } });
    expect(house.config().models[name]).toMatchObject({ rpm: 3 });
    expect((await ask("DELETE", path)).status).toBe(204);
    expect((await ask("GET", path)).status).toBe(404);
  }
});

test("a model of the file is changed, and is as it was when the change is deleted", async () => {
  await ask("PATCH", "/api/models/filed", { strategy: "weighted", rpm: null });
  expect(house.config().models["filed"]).toMatchObject({ strategy: "weighted", targets: [{ model: "x" }] });
  expect(house.config().models["filed"]?.rpm).toBeUndefined();
  await ask("DELETE", "/api/models/filed");
  expect(house.config().models["filed"]).toMatchObject({ strategy: "priority", rpm: 60 });
});

test("pages end where the next one begins", async () => {
  for (const name of ["one", "two", "three"]) await ask("POST", "/api/models", { name, targets });
  const names: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const query = cursor === "" ? "" : `&cursor=${cursor}`;
    const { body } = await ask("GET", `/api/models?limit=3${query}`);
    names.push(...(body["data"] as { id: string }[]).map(({ id }) => id));
    cursor = body["cursor"] as string | null;
  }
  expect(names.sort()).toEqual(["filed", "one", "three", "two"]);
  for (const kind of ["models", "providers"])
    expect(messageOf(await ask("GET", `/api/${kind}?cursor=junk`))).toContain("begin anew without it");
});

test("a model that others fall back to is not deleted, and they are named", async () => {
  await ask("POST", "/api/models", { name: "last", targets });
  await ask("POST", "/api/models", { name: "first one", targets, fallbacks: ["last"] });
  const refused = await ask("DELETE", "/api/models/last");
  expect([refused.status, messageOf(refused)]).toEqual([
    409,
    "The model 'last' is in use by the fallbacks of the model 'first one'; take it out there first.",
  ]);
  await ask("PATCH", "/api/models/first%20one", { fallbacks: null });
  expect((await ask("DELETE", "/api/models/last")).status).toBe(204);
});

test("names that reach into objects, and references to nothing, are refused with their place", async () => {
  for (const [body, place] of [
    ['{"name":"__proto__","targets":[{"provider":"a","model":"y"}]}', "__proto__"],
    ['{"name":"constructor","targets":[{"provider":"a","model":"y"}]}', "constructor"],
    [JSON.stringify({ name: "m", targets: [{ provider: "nobody", model: "y" }] }), "models.m.targets[0].provider"],
    [JSON.stringify({ name: "m", targets, fallbacks: ["nothing"] }), "models.m.fallbacks"],
    [JSON.stringify({ name: "m", targets: [] }), "models.m.targets"],
    [JSON.stringify({ name: "m" }), "models.m.targets"],
    [JSON.stringify({ name: "", targets }), "name"],
    [JSON.stringify({ name: "a\nb", targets }), "name"],
  ] as const) {
    const refused = await ask("POST", "/api/models", body);
    expect([body, refused.status, messageOf(refused)]).toEqual([body, 400, expect.stringContaining(place)]);
  }
  expect(await store.documents.list("model")).toEqual([]);
  expect(Object.getPrototypeOf({})).toBe(Object.prototype);
});

test("every change is told with what was before and after", async () => {
  await ask("POST", "/api/models", { name: "told", targets }, "operator");
  await ask("PATCH", "/api/models/told", { rpm: 3 }, "operator");
  await ask("DELETE", "/api/models/told", undefined, "admin");
  const { entries } = await store.audit.list({ limit: 3, subject: "model/told" });
  expect(entries).toMatchObject([
    { action: "model.delete", actor: "admin", before: { rpm: 3 } },
    { action: "model.update", actor: "operator", before: { targets }, after: { rpm: 3 } },
    { action: "model.create", actor: "operator", after: { targets } },
  ]);
});
