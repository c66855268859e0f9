import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { resealDocuments } from "../../src/admin/reseal.ts";
import { createChangingSecretBox } from "../../src/keys/changing-secret-box.ts";
import { createSecretBox, sealedWith } from "../../src/keys/secret-box.ts";
import type { PutDocument } from "../../src/storage/document-store.ts";
import { createMemoryDocuments } from "../support/memory-documents.ts";

const [oldKey, newKey] = [randomBytes(32), randomBytes(32)];
const [old, fresh] = [createSecretBox(oldKey), createSecretBox(newKey)];
const both = [newKey, oldKey];
const opener = createChangingSecretBox({ read: () => both, make: () => both });

async function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

async function filled(count: number) {
  const documents = createMemoryDocuments();
  for (let index = 0; index < count; index += 1)
    await documents.put({
      kind: "provider",
      id: `p${index}`,
      value: {
        name: `p${index}`,
        credentials: [old.seal(`key-${index}-a`), { key: old.seal(`key-${index}-b`), weight: 2 }],
        headers: { "x-deep": { er: old.seal(`header-${index}`) } },
        plain: ["text", 1, null, true],
      },
    });
  await documents.put({ kind: "team", id: "t", value: { name: "no secrets" } });
  return documents;
}

async function keyIds(documents: Awaited<ReturnType<typeof filled>>): Promise<Set<string | undefined>> {
  const text = JSON.stringify(await documents.list("provider"));
  return new Set([...text.matchAll(/sealed:v1:[^"]+/g)].map(([sealed]) => sealedWith(sealed)));
}

describe("sealing anew", () => {
  test("reaches every secret however deep, leaves the rest alone, and does nothing twice", async () => {
    const documents = await filled(1500);
    const before = documents.writes;
    expect(await resealDocuments({ documents, opener, sealer: fresh })).toEqual({ documents: 1500, secrets: 4500 });
    expect(documents.writes - before).toBe(1500);
    expect(await keyIds(documents)).toEqual(new Set([fresh.keyId]));
    const [one] = await documents.list("provider");
    const value = one?.value as { credentials: [string, { key: string; weight: number }]; plain: unknown };
    expect(fresh.open(value.credentials[0])).toBe("key-0-a");
    expect([fresh.open(value.credentials[1].key), value.credentials[1].weight]).toEqual(["key-0-b", 2]);
    expect(value.plain).toEqual(["text", 1, null, true]);
    expect(await resealDocuments({ documents, opener, sealer: fresh })).toEqual({ documents: 0, secrets: 0 });
  });

  test("that was cut short goes on where it was", async () => {
    const documents = await filled(20);
    let left = 7;
    const dying = {
      ...documents,
      changesSince: (version: number) => documents.changesSince(version),
      put: (document: PutDocument) => (left-- > 0 ? documents.put(document) : Promise.reject(new Error("killed"))),
    };
    expect(await failureOf(resealDocuments({ documents: dying, opener, sealer: fresh }))).toBe("killed");
    expect(await keyIds(documents)).toEqual(new Set([old.keyId, fresh.keyId]));
    expect(await resealDocuments({ documents, opener, sealer: fresh })).toEqual({ documents: 13, secrets: 39 });
    expect(await keyIds(documents)).toEqual(new Set([fresh.keyId]));
  });

  test("keeps what somebody else writes meanwhile", async () => {
    const documents = await filled(1);
    let isFirst = true;
    const busy = {
      ...documents,
      async put(document: PutDocument) {
        if (isFirst) {
          isFirst = false;
          await documents.put({ kind: "provider", id: "p0", value: { secret: old.seal("theirs") } });
        }
        return documents.put(document);
      },
    };
    await resealDocuments({ documents: busy, opener, sealer: fresh });
    const stored = (await documents.get("provider", "p0"))?.value as { secret: string };
    expect([sealedWith(stored.secret), fresh.open(stored.secret)]).toEqual([fresh.keyId, "theirs"]);
  });

  test("stops at what no key opens", async () => {
    const documents = await filled(1);
    const stranger = createSecretBox(randomBytes(32));
    expect(await failureOf(resealDocuments({ documents, opener: stranger, sealer: fresh }))).toContain(
      "sealed with the key",
    );
    expect(await keyIds(documents)).toEqual(new Set([old.keyId]));
  });
});
