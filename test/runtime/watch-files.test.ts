import { describe, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { watchFiles, type FileWatch } from "../../src/runtime/watch-files.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Rig extends Disposable {
  readonly folder: string;
  readonly watch: FileWatch;
  /** Looks so many times and tells how many calls they brought. */
  looks(count: number): Promise<number>;
  readonly path: (name: string) => string;
}

/** A watch of these names in a folder with `files`, past its first call. It looks only when asked. */
async function startWatch(files: Record<string, string>, names = Object.keys(files)): Promise<Rig> {
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder.path, name);
  for (const [name, text] of Object.entries(files)) writeFileSync(path(name), text);
  let calls = 0;
  const watch = watchFiles({ files: () => names.map(path), onChange: () => (calls += 1), everyMs: 60_000 });
  async function looks(count: number): Promise<number> {
    const before = calls;
    for (let look = 0; look < count; look += 1) await watch.look();
    return calls - before;
  }
  expect(await looks(2)).toBe(1);
  return {
    folder: folder.path,
    watch,
    looks,
    path,
    [Symbol.dispose]() {
      watch.stop();
      folder[Symbol.dispose]();
    },
  };
}

/** The same size and, on a coarse clock, nearly the same time. */
function touch(path: string, second: number): void {
  utimesSync(path, second, second);
}

test("the first two looks bring one call, and then none while nothing changes", async () => {
  using rig = await startWatch({ a: "1", b: "2" });
  expect(await rig.looks(5)).toBe(0);
});

describe("one call follows", () => {
  const changes: Record<string, (rig: Rig) => void> = {
    "a change in place": ({ path }) => writeFileSync(path("a"), "longer"),
    "a change of the same size": ({ path }) => touch(path("a"), 1_700_000_000),
    "another file under the old name": ({ path }) => {
      writeFileSync(path("new"), "1");
      renameSync(path("new"), path("a"));
    },
    "a file that goes": ({ path }) => rmSync(path("a")),
    "a file that comes": ({ path }) => writeFileSync(path("later"), "1"),
    "a file that becomes a folder": ({ path }) => {
      rmSync(path("a"));
      mkdirSync(path("a"));
    },
  };
  test.each(Object.entries(changes))("%s", async (_name, change) => {
    using rig = await startWatch({ a: "1", b: "2" }, ["a", "b", "later"]);
    change(rig);
    expect(await rig.looks(1)).toBe(0);
    expect(await rig.looks(1)).toBe(1);
    expect(await rig.looks(3)).toBe(0);
  });

  test.skipIf(process.platform === "win32")("a link to a folder that is swapped above the file", async () => {
    using rig = await startWatch({}, ["data/a"]);
    for (const version of ["v1", "v2"]) {
      mkdirSync(rig.path(version));
      writeFileSync(rig.path(`${version}/a`), "same");
      touch(rig.path(`${version}/a`), 1_700_000_000);
    }
    symlinkSync("v1", rig.path("data"));
    expect(await rig.looks(2)).toBe(1);
    symlinkSync("v2", rig.path("data-new"));
    renameSync(rig.path("data-new"), rig.path("data"));
    expect(await rig.looks(2)).toBe(1);
  });
});

test("a file that is still being written is waited for", async () => {
  using rig = await startWatch({ a: "1" });
  for (let second = 1; second <= 5; second += 1) {
    touch(rig.path("a"), 1_700_000_000 + second);
    expect(await rig.looks(1)).toBe(0);
  }
  expect(await rig.looks(1)).toBe(1);
});

test("a change that is taken back between two looks is none", async () => {
  using rig = await startWatch({ a: "1" }, ["a", "b"]);
  writeFileSync(rig.path("b"), "2");
  expect(await rig.looks(1)).toBe(0);
  rmSync(rig.path("b"));
  expect(await rig.looks(3)).toBe(0);
});

test("it looks by itself, and not any more once it is stopped", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a");
  const { promise, resolve } = Promise.withResolvers<void>();
  let calls = 0;
  const watch = watchFiles({
    files: () => [path],
    onChange() {
      calls += 1;
      resolve();
    },
    everyMs: 2,
  });
  await promise;
  watch.stop();
  writeFileSync(path, "1");
  await watch.look();
  await watch.look();
  await Bun.sleep(20);
  expect(calls).toBe(1);
});
