import { expect, test } from "bun:test";
import { createAuditTrail } from "../../src/admin/audit-trail.ts";
import { createMemoryAudit } from "../support/memory-documents.ts";

const by = { actor: "admin", address: undefined };
const deed = (subject: string) => ({ action: "key.create", subject, before: undefined, after: undefined });

function scene() {
  const audit = createMemoryAudit();
  const told: string[] = [];
  const alarms: (() => void)[] = [];
  const trail = createAuditTrail({
    audit,
    log: { warn: (message) => void told.push(message) },
    later: (_milliseconds, ring) => void alarms.push(ring),
  });
  return { audit, told, trail, ring: () => alarms.shift()?.() };
}

test("entries that have no room are lost with a word, at once and in the end", async () => {
  const { audit, told, trail, ring } = scene();
  audit.isDown = true;
  for (let count = 0; count < 10_000; count += 1) await trail.tell(deed(`key/${count}`), by);
  expect(trail.pending()).toBe(10_000);
  expect(told).toHaveLength(1);
  for (let count = 0; count < 3; count += 1) await trail.tell(deed(`key/late-${count}`), by);
  expect(told).toHaveLength(2);
  expect(told[1]).toContain("the oldest are lost");
  ring();
  await trail.flush();
  expect(told[2]).toMatch(/10000 entries wait.*Lost for want of room: 3/);
  audit.isDown = false;
  await trail.flush();
  expect(told[3]).toContain("missing in it: 3.");
  expect([audit.entries.length, audit.entries[0]?.subject, audit.entries.at(-1)?.subject, trail.pending()]).toEqual([
    10_000,
    "key/3",
    "key/late-2",
    0,
  ]);
});

test("an entry that is being written does not make room, and takes no other one with it", async () => {
  const { audit, told, trail } = scene();
  audit.isDown = true;
  for (let count = 0; count < 10_000; count += 1) await trail.tell(deed(`key/${count}`), by);
  audit.isDown = false;
  const writing = trail.flush();
  await trail.tell(deed("key/late"), by);
  await writing;
  expect(audit.entries).toHaveLength(10_000);
  expect(audit.entries.slice(0, 2).map(({ subject }) => subject)).toEqual(["key/0", "key/2"]);
  expect(told.at(-1)).toContain("missing in it: 1.");
});
