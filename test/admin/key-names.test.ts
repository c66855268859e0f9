import { expect, test } from "bun:test";
import { createKeyNames } from "../../src/admin/key-names.ts";
import { createKeyBook } from "../../src/keys/key-book.ts";
import { keyDocument } from "../keys/some-key.ts";

function scene() {
  const asked: (readonly string[])[] = [];
  const book = createKeyBook({ onProblem: () => undefined });
  book.apply(keyDocument("key_here", 1, { name: "here" }));
  const names = createKeyNames({
    book,
    audit: {
      deletedNames(_kind, ids) {
        asked.push(ids);
        return Promise.resolve(new Map([["key_gone", "it was"]]));
      },
    },
  });
  return { asked, names };
}

const withDeleted = { withDeleted: true };

test("the audit log is asked for virtual keys that are gone, and for nothing else", async () => {
  const { asked, names } = scene();
  const ids = ["anonymous", "key_here", "admin", "key-1a2b3c4d", "key_gone", "(none)", "key_"];
  expect(await names.of(ids, withDeleted)).toEqual(
    new Map([
      ["key_here", "here"],
      ["key_gone", "it was"],
    ]),
  );
  expect(asked).toEqual([["key_gone", "key_"]]);
});

test("the audit log is not asked where no virtual key is gone, nor for who may not see what was deleted", async () => {
  const { asked, names } = scene();
  await names.of(["anonymous", "admin", "key_here", "key-1a2b3c4d"], withDeleted);
  await names.of(["key_gone"], { withDeleted: false });
  expect(asked).toEqual([]);
});
