import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { lockfilePlace, readLockfile } from "../../scripts/build/lockfile.ts";
import { createSbom, type SbomComponent } from "../../scripts/build/sbom.ts";

const root = join(import.meta.dir, "..", "..");

async function components(modules: string[]): Promise<SbomComponent[]> {
  return ((await createSbom(modules)) as { components: SbomComponent[] }).components;
}

describe("the package that a bundled module belongs to", () => {
  const places = [
    ["src/main.ts", undefined],
    ["node_modules/zod/v4/core/parse.js", "zod"],
    ["node_modules/@scalar/themes/dist/index.js", "@scalar/themes"],
    ["node_modules/@scalar/themes/node_modules/zod/lib/index.mjs", "@scalar/themes/zod"],
    ["../elsewhere/node_modules/elysia/dist/index.mjs", "elysia"],
    [String.raw`node_modules\@scalar\themes\index.js`, "@scalar/themes"],
  ] as const;
  for (const [path, place] of places) test(path, () => expect(lockfilePlace(path)).toBe(place));
});

describe("the SBOM", () => {
  test("names a bundled package with version, integrity and licence", async () => {
    const lockfile = await readLockfile();
    const [elysia] = await components(["src/main.ts", "node_modules/elysia/dist/index.mjs"]);
    expect(elysia?.purl).toBe(`pkg:npm/elysia@${lockfile.get("elysia")?.version}`);
    expect(elysia?.licenses).toEqual([{ license: { id: "MIT" } }]);
    const integrity = Buffer.from(elysia?.hashes[0]?.content ?? "", "hex").toString("base64");
    expect(`sha512-${integrity}`).toBe(lockfile.get("elysia")?.integrity ?? "");
  });

  test("names Bun itself, once for each system", async () => {
    const names = (await components([])).map((component) => component.name);
    expect(names).toContain("@oven/bun-windows-x64");
    expect(names.every((name) => name.startsWith("@oven/bun-"))).toBe(true);
  });

  test("is the same text each time, in whatever order the modules come", async () => {
    const modules = ["node_modules/zod/index.js", "node_modules/elysia/dist/index.mjs", "node_modules/zod/v4/index.js"];
    expect(await createSbom(modules.toReversed())).toEqual(await createSbom(modules));
  });

  test("is refused for a package that is not locked", async () => {
    const refusal = await createSbom(["node_modules/left-pad/index.js"]).catch(String);
    expect(refusal).toContain("left-pad is inside the executable but not in bun.lock");
  });

  test("can name every package that the project depends on", async () => {
    const manifest = (await Bun.file(join(root, "package.json")).json()) as { dependencies: Record<string, string> };
    const named = await components(Object.keys(manifest.dependencies).map((name) => `node_modules/${name}/index.js`));
    for (const [name, version] of Object.entries(manifest.dependencies)) {
      expect(named.find((component) => component.name === name)?.version).toBe(version);
    }
  });
});
