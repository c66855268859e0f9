import { expect, test } from "bun:test";
import { createMemoryDocuments } from "../../../src/admin/identity/memory-documents.ts";
import { createSigningKeys, type SigningKeys } from "../../../src/admin/identity/signing-keys.ts";
import { createSecretBox } from "../../../src/keys/secret-box.ts";

test("a secret that another key sealed is replaced with a warning, and the new one is there for all from then on", async () => {
  const documents = createMemoryDocuments();
  const told: string[] = [];
  const signing = (fill: number): SigningKeys =>
    createSigningKeys({
      configured: () => undefined,
      documents,
      box: createSecretBox(new Uint8Array(32).fill(fill)),
      log: { warn: (message) => void told.push(message) },
    });
  const before = await signing(1).ready();
  expect(await signing(1).ready()).toEqual(before);
  const after = await signing(2).ready();
  expect(after.access).not.toEqual(before.access);
  expect(told).toEqual([expect.stringContaining("everybody has to log in again")]);
  expect(await signing(2).ready()).toEqual(after);
  expect(told).toHaveLength(1);
});
