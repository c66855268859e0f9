import { expect, test } from "bun:test";
import { createMemoryCoordination } from "../../src/coordination/memory/memory-coordination.ts";
import { createAffinityMemory } from "../../src/routing/affinity.ts";
import { createSharedAffinity } from "../../src/routing/shared-affinity.ts";

const held = { provider: "a", model: "m", credential: "#1 …abcd" };

function world() {
  const meeting = createMemoryCoordination();
  const heard: string[] = [];
  meeting.join().subscribe("affinity", (message) => heard.push(message));
  const join = () => createSharedAffinity(createAffinityMemory(), meeting.join());
  return { first: join(), second: join(), heard, stranger: meeting.join() };
}

test("what one gateway remembers the others know", async () => {
  const { first, second } = world();
  first.keep("key\nmodel\nsession", held);
  expect(first.find("key\nmodel\nsession", 1000)).toMatchObject(held);
  await Promise.resolve();
  expect(second.find("key\nmodel\nsession", 1000)).toMatchObject(held);
  second.keep("key\nmodel\nsession", { ...held, provider: "b" });
  await Promise.resolve();
  expect(first.find("key\nmodel\nsession", 1000)).toMatchObject({ provider: "b" });
});

test("what is remembered again is told once, and without what clients sent", async () => {
  const { first, second, heard } = world();
  for (let time = 0; time < 5; time += 1) {
    first.keep("key\nmodel\ncanary session", held);
    await Promise.resolve();
    second.keep("key\nmodel\ncanary session", held);
    await Promise.resolve();
  }
  expect(heard).toHaveLength(1);
  expect(heard.join()).not.toContain("canary");
});

test("what is no such message is passed over", async () => {
  const { first, stranger } = world();
  for (const message of ["", "[]", "{", '["a",1,2,3]']) stranger.publish("affinity", message);
  await Promise.resolve();
  expect(first.size()).toBe(0);
});
