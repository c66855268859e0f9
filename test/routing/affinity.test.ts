import { expect, test } from "bun:test";
import { createAffinityMemory } from "../../src/routing/affinity.ts";

const held = { provider: "a", model: "m", credential: "#1 …abcd" };

test("the memory of who answered is bounded", () => {
  const memory = createAffinityMemory({ mostEntries: 1000 });
  for (let index = 0; index < 50_000; index += 1) memory.keep(`k${index}`, held);
  expect(memory.size()).toBeLessThanOrEqual(1000);
  expect(memory.find("k49999", 1000)).toMatchObject(held);
  expect(memory.find("k1", 1000)).toBeUndefined();
});

test("a use begins the time anew, and the time is that of the day's configuration", () => {
  let now = 0;
  const memory = createAffinityMemory({ now: () => now });
  memory.keep("k", held);
  now = 900;
  expect(memory.find("k", 1000)).toMatchObject(held);
  now = 1800;
  expect(memory.find("k", 1000)).toMatchObject(held);
  now = 2700;
  expect(memory.find("k", 500)).toBeUndefined();
  expect(memory.find("k", 1000)).toMatchObject(held);
  now = 3701;
  expect(memory.find("k", 1000)).toBeUndefined();
});

test("the newest answer counts", () => {
  const memory = createAffinityMemory();
  memory.keep("k", held);
  memory.keep("k", { ...held, provider: "b" });
  expect(memory.find("k", 1000)?.provider).toBe("b");
});
